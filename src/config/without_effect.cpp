#include "config/without_effect.h"

#include <array>
#include <string_view>

namespace aieb {
namespace {

bool filled(const Json& value) { return !value.is_null() && !value.empty(); }

/// Whether a model is placed over devices.
bool spreads(const BackendConfig& backend) {
  return backend.type == "pytorch" && !backend.device_map.is_null();
}

struct Setting {
  std::string_view key;
  bool (*is_set)(const BenchmarkConfig&);
  std::string_view instead;  ///< what happens, or what to do
};

/// A row leaves when its key begins to work.
constexpr std::array kSettings{
    Setting{"backend.max_memory",
            [](const BenchmarkConfig& c) {
              return filled(c.backend.max_memory) && !spreads(c.backend);
            },
            "without backend.device_map a model is placed on one device; set it to auto"},
    Setting{
        "backend.device_ids",
        [](const BenchmarkConfig& c) {
          return c.backend.type == "pytorch" && c.backend.device_ids.size() > 1 &&
                 !spreads(c.backend);
        },
        "several GPUs: without backend.device_map a model is placed on the first one; set it to "
        "auto"},
};

}  // namespace

std::vector<std::string> settings_without_effect(const BenchmarkConfig& config) {
  std::vector<std::string> texts;
  for (const Setting& setting : kSettings) {
    if (!setting.is_set(config)) continue;
    texts.push_back(std::string(setting.key) +
                    " has no effect in this version: " + std::string(setting.instead));
  }
  return texts;
}

}  // namespace aieb
