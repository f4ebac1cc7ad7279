#include "backends/registry.h"

#include <array>
#include <string_view>

#include "backends/auto_engine.h"
#include "backends/plugin_backend.h"
#include "backends/transformers/transformers_backend.h"
#include "backends/vllm/server_backend.h"
#include "core/error.h"

namespace aieb {
namespace {

using Factory = std::unique_ptr<Backend> (*)(const BenchmarkConfig&);

struct Entry {
  std::string_view name;
  Factory make;
};

std::unique_ptr<Backend> make_server(const BenchmarkConfig& config) {
  return make_server_backend(config.backend, config.scenario);
}

std::unique_ptr<Backend> make_pytorch(const BenchmarkConfig& config) {
  if (config.backend.engine == "transformers") return std::make_unique<TransformersBackend>(config);
  if (config.backend.engine == "auto") return std::make_unique<AutoEngine>(config);
  return std::make_unique<PluginBackend>("aieb_pytorch", config.backend, config.scenario);
}

constexpr std::array kBackends{
    Entry{"pytorch", make_pytorch},
    Entry{"vllm", make_server},
    Entry{"openai", make_server},
    Entry{"ollama", make_server},
};

}  // namespace

std::vector<std::string> backend_names() {
  std::vector<std::string> names;
  for (const Entry& entry : kBackends) names.emplace_back(entry.name);
  return names;
}

std::unique_ptr<Backend> make_backend(const BenchmarkConfig& config) {
  std::string known;
  for (const Entry& entry : kBackends) {
    if (entry.name == config.backend.type) return entry.make(config);
    known += (known.empty() ? "" : ", ") + std::string(entry.name);
  }
  throw ConfigError("backend.type: '" + config.backend.type + "' is not a backend; use one of " +
                    known);
}

}  // namespace aieb
