#pragma once

#include <optional>
#include <span>

#include "core/results.h"

namespace aieb {

/// Bins of equal width between the smallest and the largest value, their number after Rice
/// (2·∛n, 8 to 60). Where the largest value is more than 20 times the median, of equal ratio: a few
/// stragglers would else squeeze everything into one bin. Absent without a value.
std::optional<Histogram> histogram_of(std::span<const double> values);

}  // namespace aieb
