#pragma once

#include <memory>
#include <string>

#include "backends/backend.h"
#include "config/config.h"

namespace aieb {

/// A backend that lives in a shared library lib<name>.so beside this program (or in
/// $AIEB_PLUGIN_DIR). Resolves the model's files, opens libtorch and the plug-in, then forwards.
class PluginBackend : public Backend {
 public:
  PluginBackend(std::string library, BackendConfig backend, ScenarioConfig scenario);
  ~PluginBackend() override;

  [[nodiscard]] BackendInfo info() const override;
  void validate() override;
  void load() override;
  void run(const Workload& workload, RunContext& context) override;
  void unload() override;

 private:
  void open();

  std::string library_;
  BackendConfig backend_;
  ScenarioConfig scenario_;
  std::unique_ptr<Backend> plugin_;
};

}  // namespace aieb
