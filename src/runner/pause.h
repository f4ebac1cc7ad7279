#pragma once

#include <stop_token>

namespace aieb {

/// Sleeps, but not past a request to stop.
void sleep_unless_stopped(double duration_s, const std::stop_token& stop);

}  // namespace aieb
