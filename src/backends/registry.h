#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "config/config.h"

namespace aieb {

/// Names accepted by `backend.type`, in the order of documentation.
std::vector<std::string> backend_names();

/// Makes the backend that `config.backend.type` names.
/// Throws ConfigError listing the known names for an unknown one.
std::unique_ptr<Backend> make_backend(const BenchmarkConfig& config);

}  // namespace aieb
