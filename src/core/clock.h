#pragma once

#include <cstdint>
#include <string>

namespace aieb {

/// Nanoseconds of CLOCK_MONOTONIC: the time of every event of a trace.
int64_t now_ns();

/// Nanoseconds since the Unix epoch (CLOCK_REALTIME).
int64_t wall_ns();

/// "2026-01-31T12:34:56" in local time, as CodeCarbon writes timestamps.
std::string iso_local(int64_t wall_time_ns);

/// "2026-01-31T12:34:56Z".
std::string iso_utc(int64_t wall_time_ns);

/// "20260131T123456Z": sorts by time and is safe in file names.
std::string compact_utc(int64_t wall_time_ns);

constexpr double seconds(int64_t ns) { return static_cast<double>(ns) * 1e-9; }
constexpr int64_t nanoseconds(double s) { return static_cast<int64_t>(s * 1e9); }

}  // namespace aieb
