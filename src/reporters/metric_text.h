#pragma once

#include <string>

#include "reporters/metric_table.h"

namespace aieb {

/// A metric's value for people, with its unit; empty when unknown.
std::string metric_text(const Metric& metric, const Results& results);

}  // namespace aieb
