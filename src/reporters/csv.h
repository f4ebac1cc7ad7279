#pragma once

#include <string>

#include "core/results.h"

namespace aieb {

/// Header and one row: the reference's columns in its order, `gpu_stats_gpu_<i>_*`, then ours.
/// Unknown values are empty cells.
std::string csv_report(const Results& results);

}  // namespace aieb
