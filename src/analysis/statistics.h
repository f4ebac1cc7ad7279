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

/// Standard deviation over mean (n − 1); absent below two values and for a mean of 0.
std::optional<double> coefficient_of_variation(std::span<const double> values);

/// Median; `values` must not be empty.
double median(std::vector<double> values);

/// 97.5 % point of Student's t with `dof` degrees of freedom (above 0, not necessarily whole): the
/// factor of a two-sided 95 % interval.
double student_t_975(double dof);

/// Summary of a sample; absent when it is empty.
std::optional<Distribution> summarize(std::vector<double> values);

}  // namespace aieb
