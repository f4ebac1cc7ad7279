#pragma once

#include <string>

#include "core/trace_data.h"

namespace aieb {

/// Reads a whole trace file, finished, still being written or left by a crash. The file is opened
/// read-only and stays as it is. Phases that were open are closed at the last time the trace knows.
///
/// Throws ConfigError when there is no such file, DataError when it is no trace or is damaged, and
/// EnvironmentError when a newer version of the tool wrote it or it may not be read.
Trace read_trace(const std::string& path);

}  // namespace aieb
