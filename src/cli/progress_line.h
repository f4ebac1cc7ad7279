#pragma once

#include <string>

#include "runner/runner.h"

namespace aieb::cli {

/// The live line: phase, bar, prompts, tokens/s, watts, time left. What does not fit into `width`
/// columns is left out, the least important first.
std::string progress_bar(const Progress& progress, size_t width);

/// The same as one sentence for a log: "measuring: 12 of 20 prompts, 92.3 tokens/s, 31 W, 7 s
/// left".
std::string progress_sentence(const Progress& progress);

}  // namespace aieb::cli
