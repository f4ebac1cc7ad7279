#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "analysis/compare.h"

namespace aieb {

/// Compares b with a from runs in pairs, a[i] and b[i] measured one right after the other.
///
/// Every difference is the mean of the pairs' differences, with Student's t over them: what drifts
/// from pair to pair (room, clocks, another load) is common to both runs of a pair and drops out.
/// Its systematic part is the mean of the pairs'. Values are means over the runs, each with
/// Student's t. A metric that one of the runs does not know has no verdict. Needs two pairs at
/// least.
Comparison compare_paired(std::span<const Results> a, std::span<const Results> b);

/// Which of the two runs first in each pair: true for a. "abba": a b, b a, a b, …, so that a linear
/// drift falls on both alike; "random": drawn from the seed for each pair.
std::vector<bool> paired_order(int pairs, const std::string& order, uint64_t seed);

}  // namespace aieb
