#pragma once

#include <string>

#include "core/results.h"

namespace aieb {

/// The entries of `per_prompt_results`, one a line.
std::string jsonl_report(const Results& results);

}  // namespace aieb
