#pragma once

#include "core/results.h"

namespace aieb::testing {

/// A run with everything known: one GPU with a counter, RAPL packages, estimated memory, three
/// prompts of which one failed.
Results sample_results();

/// The same on a machine where nothing can be measured: no energy, no tokens, no place.
Results bare_results();

}  // namespace aieb::testing
