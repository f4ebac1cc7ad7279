#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/json.h"
#include "engine/placement/memory.h"
#include "engine/placement/planner.h"

namespace aieb::engine {

/// A map divides a layer, which this engine does not do.
class DividedLayer : public ConfigError {
 public:
  using ConfigError::ConfigError;
};

/// A place as configurations name it: 1, "1" and "cuda:1" are GPU 1, "cuda" is the first of `gpus`,
/// then "cpu" and "disk". Throws ConfigError naming `key` for anything else, and for a GPU that is
/// not among `gpus`.
Place place_from(const Json& value, const std::vector<int>& gpus, const std::string& key);

/// An explicit `device_map`: modules to places. Throws ConfigError.
Placement explicit_placement(const Json& map, const std::vector<int>& gpus);

/// "auto", "balanced", "balanced_low_0", "sequential"; absent for anything else.
std::optional<Spread> spread_from(const std::string& strategy);

/// The one place of a module that is not divided. Throws ConfigError when the placement names none,
/// DividedLayer when it names several for its parts.
Place whole_place_of(const Placement& placement, const std::string& module);

/// "GPU 1", "the CPU", "the disk": for messages.
std::string place_text(const Place& place);

}  // namespace aieb::engine
