#pragma once

#include <span>
#include <string>
#include <vector>

#include "analysis/windows.h"
#include "core/results.h"
#include "core/trace_data.h"

namespace aieb {

/// What the repeats of a run are made from.
struct RepeatInputs {
  const Trace& trace;
  const EnergySources& sources;
  const std::vector<Quantity>& baselines;
  std::span<const TimeSpan> measured;        ///< measure phases
  std::span<const RequestResult> requests;   ///< with their energies
  std::span<const size_t> phase_of_request;  ///< index in `measured`, for each of `requests`
};

/// One entry for each measure phase, with what is to be known of it (RepeatFlag):
/// - outlier: its energy per token (else per prompt, else energy) or its tokens/s is far from the
///   repeats' median: modified z-score 0.6745·|x − median|/MAD above 3.5 (Iglewicz and Hoaglin
///   1993), and by more than 1 % and its own random error; from four repeats on;
/// - throttled: a GPU's clocks were held down in it;
/// - short: below the protocol's min_window_s; warm, unstable: it began before the GPUs had cooled
///   down or the warm-up was stable; failed: a prompt was not answered.
std::vector<RepeatResult> summarize_repeats(const RepeatInputs& inputs);

/// The flags that nothing else warns of, a sentence each.
std::vector<std::string> repeat_warnings(const Results& results);

}  // namespace aieb
