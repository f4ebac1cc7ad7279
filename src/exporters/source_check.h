#pragma once

#include <vector>

#include "exporters/source_spec.h"
#include "meters/self_check.h"

namespace aieb::exporters {

/// Lines of `aieb doctor` and `aieb validate`, one a source: whether it answers, what it offers,
/// how often it has new values and how well its clock is known. Watches each for `watch_ns`.
std::vector<Check> check_sources(const std::vector<SourceSpec>& specs,
                                 int64_t watch_ns = 2'000'000'000);

}  // namespace aieb::exporters
