#pragma once

#include "cli/command.h"

namespace aieb::cli {

/// What the command line asks for. `--help` and `--version` are actions as well.
/// Throws ConfigError for an unknown command or option, with the nearest known one.
Action parse_command_line(int argc, const char* const* argv);

}  // namespace aieb::cli
