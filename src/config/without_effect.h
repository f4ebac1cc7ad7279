#pragma once

#include <string>
#include <vector>

#include "config/config.h"

namespace aieb {

/// Keys that were set and that this version accepts but does not act on yet, each as a sentence for
/// the user: a setting must never be ignored in silence.
std::vector<std::string> settings_without_effect(const BenchmarkConfig& config);

}  // namespace aieb
