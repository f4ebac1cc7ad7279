#pragma once

#include <nlohmann/json.hpp>

namespace aieb {

/// JSON value that keeps the order of keys, so that files read as they were written.
using Json = nlohmann::ordered_json;

}  // namespace aieb
