#pragma once

#include <optional>
#include <span>
#include <vector>

#include "analysis/sources.h"
#include "core/results.h"

namespace aieb {

/// A measured load cut in three, each part with one span a measure phase.
struct LoadParts {
  int64_t limit = 0;             ///< requests in flight at full load; 0: open loop
  std::vector<TimeSpan> ramp;    ///< before the load was full
  std::vector<TimeSpan> steady;  ///< full load
  std::vector<TimeSpan> drain;   ///< after it
};

/// Closed loop: full load lasts from the first to the last moment at which `limit` requests were in
/// flight (sent and not yet done). Between the end of a request and the sending of the next one it
/// may be one less for a moment; that does not end it. Open loop (`limit` 0): from the beginning of
/// the phase to the sending of its last request.
///
/// Absent when the limit was never reached, or nothing was sent. Pure; R·log R for R requests.
std::optional<LoadParts> cut_load(std::span<const RequestResult> requests,
                                  std::span<const TimeSpan> measured, int64_t limit);

/// What happened in the steady part: requests that were sent and done inside it, tokens that
/// arrived inside it, whichever request they belong to. Energies are not set.
SteadyState summarize_steady(std::span<const RequestResult> requests, const LoadParts& parts);

}  // namespace aieb
