#pragma once

#include <optional>
#include <span>
#include <vector>

#include "core/results.h"

namespace aieb {

/// Percentile q in [0, 100] by linear interpolation between order statistics: with n values sorted
/// from x₀, the value at position (n − 1)·q/100 (Hyndman and Fan's type 7, numpy's default).
/// Reorders `values`; they must not be empty.
double percentile(std::vector<double>& values, double q);

/// Summary of a sample; absent when it is empty.
std::optional<Distribution> summarize(std::vector<double> values);

}  // namespace aieb
