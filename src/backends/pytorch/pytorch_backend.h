#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "backends/plugin.h"
#include "backends/pytorch/prompt_text.h"
#include "engine/generate/generator.h"
#include "engine/model.h"

namespace aieb {

/// Runs a model in this process on libtorch. Requests go in batches of `batch_size`, one after
/// another; the arrival schedule of the workload is not read.
class PytorchBackend : public Backend {
 public:
  explicit PytorchBackend(const PluginInput& input);

  [[nodiscard]] BackendInfo info() const override;
  void validate() override;
  void load() override;
  void run(const Workload& workload, RunContext& context) override;
  void unload() override;

 private:
  [[nodiscard]] at::Device device() const;
  [[nodiscard]] std::optional<at::ScalarType> asked_dtype() const;
  [[nodiscard]] std::optional<engine::Quantisation> asked_quantisation() const;
  [[nodiscard]] std::string quantisation_name() const;
  [[nodiscard]] engine::PlacementWish asked_placement() const;
  /// GPUs that the placement may use, before it is known.
  [[nodiscard]] std::vector<int> used_gpus() const;
  /// What each of the first batch's sequences takes at least.
  [[nodiscard]] engine::MemoryDemand certain_demand() const;
  /// Throws EngineLimit for an explicit map that divides a layer, ConfigError for one that cannot
  /// be.
  void check_map(const engine::Checkpoint& checkpoint, const engine::ModelSpec& spec) const;
  void add_devices(BackendInfo& info) const;
  void note_offloading();
  void make_generator();
  void collect_notices();
  void warn_of_lost_recording(RunContext& context);
  void warn_of_unsupported_settings(const Workload& workload, RunContext& context);

  BackendConfig config_;
  ScenarioConfig scenario_;
  ModelFiles files_;
  int threads_ = 0;
  engine::Model model_;
  std::optional<engine::Generator> generator_;
  bool warned_ = false;  ///< of settings that the engine does not know
  std::string steps_;    ///< how steps of one token run
  std::optional<PromptText> text_;
  std::vector<std::string> notices_;
};

}  // namespace aieb
