#pragma once

#include <span>
#include <string>

#include "runner/runner.h"

namespace aieb::cli {

/// The live line: phase, bar, prompts, time left, watts, tokens/s. What does not fit into `width`
/// columns is left out, the least important first. `watts`: the power of the last seconds, oldest
/// first, drawn beside the present one.
std::string progress_bar(const Progress& progress, size_t width,
                         std::span<const double> watts = {});

/// One block a value, from 0 to the largest: "▂▂▅▇█".
std::string sparkline(std::span<const double> values);

/// The same as one sentence for a log: "measuring: 12 of 20 prompts, 92.3 tokens/s, 31 W, 7 s
/// left".
std::string progress_sentence(const Progress& progress);

}  // namespace aieb::cli
