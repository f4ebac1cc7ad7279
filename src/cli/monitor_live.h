#pragma once

#include "cli/monitor_session.h"
#include "core/error.h"

namespace aieb::cli {

/// Watches this machine until Ctrl-C or the end of `--duration`, then sums up. Both are the
/// ordinary end: exit code 0.
ExitCode monitor_machine(const MonitorArguments& arguments);

}  // namespace aieb::cli
