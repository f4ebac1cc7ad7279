#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace aieb {

/// How a time stamp reads.
struct Timestamp {
  int64_t wall_ns = 0;  ///< since the Unix epoch, taken as UTC where no zone is given
  bool has_zone = true;
};

/// ISO 8601 (`2026-01-31T13:00:00Z`, `2026-01-31 13:00+01:00`, `20260131T1300Z` is not read) with
/// seconds and their fraction optional, or seconds since the Unix epoch. Absent for anything else:
/// a date alone, a day that does not exist, milliseconds since the epoch.
std::optional<Timestamp> parse_timestamp(std::string_view text);

}  // namespace aieb
