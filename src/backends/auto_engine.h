#pragma once

#include <memory>

#include "backends/backend.h"
#include "config/config.h"

namespace aieb {

/// `backend.engine: auto`: the native engine, or transformers for a model or setting that the
/// native one does not know (EngineLimit) where its Python packages are there. Says so in a notice.
class AutoEngine : public Backend {
 public:
  explicit AutoEngine(BenchmarkConfig config);

  [[nodiscard]] BackendInfo info() const override { return chosen_->info(); }
  void validate() override;
  void load() override;
  void run(const Workload& workload, RunContext& context) override {
    chosen_->run(workload, context);
  }
  void unload() override { chosen_->unload(); }

 private:
  BenchmarkConfig config_;
  std::unique_ptr<Backend> chosen_;
  bool validated_ = false;
};

}  // namespace aieb
