#pragma once

#include <string>
#include <vector>

#include "meters/self_check.h"

namespace aieb::cli {

/// Sensors, the pytorch backend, disk, the model cache and, unless empty, an endpoint. Nothing is
/// changed, loaded or downloaded.
std::vector<Check> all_checks(const std::string& output_dir, const std::string& endpoint);

}  // namespace aieb::cli
