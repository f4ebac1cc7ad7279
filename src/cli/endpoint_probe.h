#pragma once

#include <string>

namespace aieb::cli {

/// Whether a connection to the endpoint's host and port (or Unix socket) is accepted within 2 s.
/// Says nothing about what answers there. Throws ConfigError for an endpoint that is no URL.
bool something_listens(const std::string& endpoint);

}  // namespace aieb::cli
