#pragma once

#include <string>

namespace aieb {

/// Tables of every key, generation and reasoning parameter and environment variable, as Markdown;
/// docs/config.md holds them between its markers.
std::string options_markdown();

/// The same for a terminal: a line each, with default and description.
std::string options_help();

}  // namespace aieb
