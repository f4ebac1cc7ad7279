#pragma once

#include <string>
#include <vector>

#include "core/json.h"
#include "meters/self_check.h"

namespace aieb::cli {

/// Sensors, the exporters of `sources` (metrics.sources), the pytorch backend, disk, the model
/// cache and, unless empty, an endpoint. Nothing is changed, loaded or downloaded. Throws
/// ConfigError for sources that are none.
std::vector<Check> all_checks(const std::string& output_dir, const std::string& endpoint,
                              const Json& sources);

}  // namespace aieb::cli
