#include "config/without_effect.h"

#include <array>
#include <string_view>

namespace aieb {
namespace {

bool filled(const Json& value) { return !value.is_null() && !value.empty(); }

struct Setting {
  std::string_view key;
  bool (*is_set)(const BenchmarkConfig&);
  std::string_view instead;  ///< what happens, or what to do
};

/// A row leaves when its key begins to work.
constexpr std::array kSettings{
    Setting{"metrics.sources", [](const BenchmarkConfig& c) { return filled(c.metrics.sources); },
            "exporters are not read; run aieb on the server's host to measure its energy"},
    Setting{"backend.max_memory",
            [](const BenchmarkConfig& c) { return filled(c.backend.max_memory); },
            "the model is placed on one device"},
    Setting{"backend.device_ids",
            [](const BenchmarkConfig& c) {
              return c.backend.type == "pytorch" && c.backend.device_ids.size() > 1;
            },
            "several GPUs: the model is placed on one device"},
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
