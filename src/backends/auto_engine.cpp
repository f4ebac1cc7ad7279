#include "backends/auto_engine.h"

#include <string>
#include <utility>

#include "backends/engine_limit.h"
#include "backends/plugin_backend.h"
#include "backends/transformers/transformers_backend.h"
#include "core/log.h"

namespace aieb {
namespace {

constexpr const char* kOwnCode = "backend.trust_remote_code is true";

std::unique_ptr<Backend> transformers(const BenchmarkConfig& config, const std::string& reason) {
  const std::string notice = "the transformers engine answers: " + reason;
  log::warning(notice);
  return std::make_unique<TransformersBackend>(config, notice);
}

}  // namespace

AutoEngine::AutoEngine(BenchmarkConfig config) : config_(std::move(config)) {
  if (config_.backend.trust_remote_code) {
    chosen_ = transformers(config_, kOwnCode);
  } else {
    chosen_ = std::make_unique<PluginBackend>("aieb_pytorch", config_.backend, config_.scenario);
  }
}

void AutoEngine::validate() {
  try {
    chosen_->validate();
  } catch (const EngineLimit& limit) {
    auto other = transformers(config_, limit.what());
    try {
      other->validate();
    } catch (const EnvironmentError& error) {
      throw Error(limit.exit_code(), std::string(limit.what()) + "\nHere " + error.what());
    }
    chosen_ = std::move(other);
  }
  validated_ = true;
}

void AutoEngine::load() {
  if (!validated_) validate();
  chosen_->load();
}

}  // namespace aieb
