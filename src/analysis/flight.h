#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "analysis/readings.h"

namespace aieb {

/// The time during which a request was in flight: sent and not yet done.
struct Flight {
  TimeSpan span;
  std::optional<int64_t> first_token_ns;
  /// When this process began to format and tokenise its prompt, which it did until span.start_ns.
  /// Absent where a server does that.
  std::optional<int64_t> preparing_since_ns;
  std::optional<size_t> result;  ///< index in Results::requests; none for requests of other phases,
                                 ///< which use energy of the window, too, while they are in flight
  std::optional<int64_t> computed_prompt_tokens;  ///< without those from a prefix cache
  std::optional<int64_t> output_tokens;
};

/// When the first request in flight began and the last ended, by time.
std::vector<int64_t> load_changes(std::span<const Flight> flights);

/// A stretch of a flight, and the tokens that the server worked on in it at a constant rate.
struct Stage {
  TimeSpan span;
  double tokens = 0;
};

/// Where a flight's work lay: it waits in a queue, then its prompt is computed, then its answer.
/// Stages follow each other and may be empty.
struct FlightStages {
  TimeSpan waiting;
  Stage prefill;
  Stage decode;
};

/// The stages of every flight, or nothing if the tokens of an answered request are not known.
///
/// A server computes a prompt last thing before the first token, so the time before that of a
/// request that was queued is waiting. How long a prompt token takes is read off the least delayed
/// requests: the 5th percentile of (first token − sent) ÷ prompt tokens. A request without a first
/// token is taken to have been computing its prompt until its end.
std::optional<std::vector<FlightStages>> stages_of(std::span<const Flight> flights);

}  // namespace aieb
