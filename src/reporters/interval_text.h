#pragma once

#include <string>

#include "core/results.h"

namespace aieb {

/// "512 ± 4 tokens/s": the mean with its 95 % interval, gain included, in a unit that people read.
std::string interval_text(const MetricInterval& interval);

/// "5 repeats" or "20 batches of one run's requests".
std::string interval_basis(const MetricInterval& interval);

/// "outlier, throttled": the kinds of a repeat's flags, each once; empty without any.
std::string flag_kinds(const RepeatResult& repeat);

/// Repeats with at least one flag.
int64_t flagged_repeats(const Results& results);

}  // namespace aieb
