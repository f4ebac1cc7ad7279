#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "backends/transformers/worker_batch.h"
#include "backends/transformers/worker_commands.h"
#include "backends/transformers/worker_process.h"
#include "config/config.h"

namespace aieb {

/// Runs a model with an installed transformers, in a Python process of its own. Requests go in
/// batches of `batch_size`, one after another; the arrival schedule of the workload is not read.
/// The worker is started by `validate` and imports nothing heavy before `load`.
class TransformersBackend : public Backend {
 public:
  /// `notice`: why this engine was taken, if not because the user named it.
  explicit TransformersBackend(BenchmarkConfig config, const std::string& notice = "");
  ~TransformersBackend() override;

  [[nodiscard]] BackendInfo info() const override;
  void validate() override;
  void load() override;
  void run(const Workload& workload, RunContext& context) override;
  void unload() override;

 private:
  void start_worker();
  void check_packages() const;
  void run_batch(std::span<const Request> requests, RunContext& context);
  void listen(int64_t number, WorkerBatch& batch, RunContext& context);
  void warn(const Json& event, RunContext& context);

  BenchmarkConfig config_;
  std::vector<std::string> notices_;
  WorkerGpus gpus_;
  std::unique_ptr<WorkerProcess> worker_;
  Json facts_ = Json::object();  ///< what the worker said of the loaded model
  int64_t batches_ = 0;
};

}  // namespace aieb
