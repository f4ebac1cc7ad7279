#pragma once

#include "cli/monitor_session.h"
#include "core/error.h"

namespace aieb::cli {

/// Runs the command with this process's own streams and measures what the machine uses meanwhile.
/// Returns the command's exit code (127: there is no such program, 126: it may not be executed);
/// when a signal ended it, this process ends by the same one.
ExitCode monitor_command(const MonitorArguments& arguments);

}  // namespace aieb::cli
