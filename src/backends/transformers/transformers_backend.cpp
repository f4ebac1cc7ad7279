#include "backends/transformers/transformers_backend.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "backends/transformers/python.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"
#include "core/stop.h"
#include "meters/gpu_probe.h"

namespace aieb {
namespace fs = std::filesystem;
namespace {

constexpr int kOldestTransformers = 5;  // its major version
constexpr double kPoll_s = 0.5;         // how often deadlines are looked at
constexpr double kBreakOff_s = 20;      // for a worker that was told to stop: one step

constexpr const char* kLessMemory =
    "\nWhat helps: a smaller type (backend.torch_dtype: bfloat16), quantization "
    "(backend.load_in_8bit, load_in_4bit), more devices or offloading (backend.device_ids, "
    "device_map: auto), or a smaller batch or context (scenario.batch_size, "
    "generate_kwargs.max_new_tokens)";

int major_version(const std::string& version) {
  int number = 0;
  std::from_chars(version.data(), version.data() + version.size(), number);
  return number;
}

/// A path that is not there would be taken for the name of a hub model.
void check_model_path(const std::string& model) {
  const bool path = model.starts_with("/") || model.starts_with("./") || model.starts_with("../");
  if (path && !fs::exists(model)) {
    throw ModelError(model + " does not exist: name a folder with config.json and weights");
  }
}

[[noreturn]] void throw_load_failure(const Json& event) {
  const std::string text = "transformers cannot load the model: " + event.value("text", "");
  const std::string remedy = event.value("remedy", "");
  if (remedy == "environment") throw EnvironmentError(text);
  if (remedy == "config") throw ConfigError(event.value("text", ""));
  throw ModelError(remedy == "memory" ? text + kLessMemory : text);
}

std::string engine_text(const std::string& error_class, const std::string& text) {
  return error_class == "out_of_memory" ? text + kLessMemory : text;
}

/// The limits of a batch, from its beginning in the worker.
class Deadlines {
 public:
  explicit Deadlines(const TimeoutConfig& limits) : limits_(limits) {}

  /// What has lasted too long; empty: nothing.
  [[nodiscard]] std::string exceeded(const WorkerBatch& batch) const {
    if (!batch.started_ns()) return "";
    const double passed_s = seconds(now_ns() - *batch.started_ns());
    if (!batch.first_token_ns() && passed_s > limits_.first_token_s) {
      return "no token within scenario.timeouts.first_token_s";
    }
    return passed_s > limits_.total_s ? "not finished within scenario.timeouts.total_s" : "";
  }

 private:
  const TimeoutConfig& limits_;
};

}  // namespace

TransformersBackend::TransformersBackend(BenchmarkConfig config, const std::string& notice)
    : config_(std::move(config)) {
  if (!notice.empty()) notices_.push_back(notice);
}

TransformersBackend::~TransformersBackend() = default;

BackendInfo TransformersBackend::info() const {
  BackendInfo info;
  info.type = config_.backend.type;
  info.engine = "transformers";
  info.model = config_.backend.model;
  info.model_source = fs::is_directory(config_.backend.model)      ? "local folder"
                      : fs::is_regular_file(config_.backend.model) ? "local GGUF file"
                                                                   : "Hugging Face hub";
  info.device = facts_.value("device", gpus_.indices.empty() ? "cpu" : "cuda");
  info.dtype = facts_.value("dtype", "");
  info.gpu_indices = gpus_.indices;
  info.in_process = true;
  info.details = facts_;
  info.details["notices"] = notices_;
  if (!worker_) return info;
  info.pids = {worker_->pid()};
  info.details["python"] = worker_->python();
  if (facts_.empty()) info.details["versions"] = worker_->packages();
  return info;
}

void TransformersBackend::start_worker() {
  const GpuProbe probe = config_.backend.device == "cpu" ? GpuProbe{} : probe_gpus();
  gpus_ = choose_gpus(config_.backend, probe);
  const char* visible = std::getenv("CUDA_VISIBLE_DEVICES");
  if (visible != nullptr && !gpus_.indices.empty() && gpus_.visible != visible) {
    notices_.push_back(
        "the worker sees the GPUs of backend.device_ids, not those of "
        "CUDA_VISIBLE_DEVICES");
    log::warning(notices_.back());
  }
  worker_ = std::make_unique<WorkerProcess>(
      find_python(),
      std::map<std::string, std::optional<std::string>>{{"CUDA_VISIBLE_DEVICES", gpus_.visible}});
}

void TransformersBackend::check_packages() const {
  std::string missing;
  for (const std::string& name : needed_packages(config_.backend)) {
    if (worker_->version_of(name).empty()) missing += (missing.empty() ? "" : " ") + name;
  }
  const std::string found = worker_->version_of("transformers");
  std::string problem;
  if (!missing.empty()) {
    problem = "lacks " + missing;
  } else if (major_version(found) < kOldestTransformers) {
    problem = "has transformers " + found + ", which is too old";
    missing = "'transformers>=" + std::to_string(kOldestTransformers) + "'";
  }
  if (problem.empty()) return;
  throw EnvironmentError("the transformers engine runs on " + worker_->python() + ", which " +
                         problem + ".\nInstall it: " + worker_->python() + " -m pip install " +
                         missing + "\nor name another interpreter with AIEB_PYTHON");
}

void TransformersBackend::validate() {
  check_model_path(config_.backend.model);
  if (!worker_) start_worker();
  check_packages();
  static_cast<void>(load_command(config_, gpus_.indices));
}

void TransformersBackend::load() {
  validate();
  worker_->send(load_command(config_, gpus_.indices));
  while (true) {
    const auto event = worker_->receive(kPoll_s);
    if (stop_of_thread().stop_requested()) {
      worker_->kill();
      throw Stopped();
    }
    if (!event) continue;
    if ((*event)["type"] == "load_failed") throw_load_failure(*event);
    if ((*event)["type"] != "loaded") continue;
    facts_ = *event;
    facts_.erase("type");
    facts_.erase("t_ns");
    return;
  }
}

void TransformersBackend::warn(const Json& event, RunContext& context) {
  const std::string text = event.value("text", "");
  if (std::ranges::find(notices_, text) != notices_.end()) return;
  notices_.push_back(text);
  log::warning(text);
  context.sink.event({now_ns(), "warning", Json{{"text", text}}});
}

void TransformersBackend::run(const Workload& workload, RunContext& context) {
  const auto size = static_cast<size_t>(std::max(workload.batch_size, 1));
  const std::span<const Request> requests = workload.requests;
  for (size_t first = 0; first < requests.size(); first += size) {
    if (context.stop.stop_requested()) return;
    run_batch(requests.subspan(first, std::min(size, requests.size() - first)), context);
  }
}

void TransformersBackend::run_batch(std::span<const Request> requests, RunContext& context) {
  if (!worker_) throw EnvironmentError("the transformers worker is gone; load the model again");
  const int64_t number = ++batches_;
  const Json command = run_command(number, requests, config_);
  WorkerBatch batch(requests, context);
  worker_->send(command);
  const std::stop_callback on_stop(
      context.stop, [this, number] { worker_->send({{"type", "stop"}, {"batch", number}}); });
  try {
    listen(number, batch, context);
  } catch (const Error& error) {
    batch.end_all("worker_died", error.what());
    throw;
  }
  batch.end_all("worker", "the worker said nothing of this request");
}

void TransformersBackend::listen(int64_t number, WorkerBatch& batch, RunContext& context) {
  const Deadlines deadlines(config_.scenario.timeouts);
  std::optional<int64_t> told_ns;  // to stop
  while (true) {
    if (auto event = worker_->receive(kPoll_s)) {
      if ((*event)["type"] == "done") return;
      if ((*event)["type"] == "warning") warn(*event, context);
      if ((*event)["type"] == "failed") {
        (*event)["text"] = engine_text((*event)["error_class"], (*event)["text"]);
      }
      batch.take(*event);
    }
    const std::string exceeded = deadlines.exceeded(batch);
    if (!told_ns && context.stop.stop_requested()) told_ns = now_ns();
    if (!told_ns && !exceeded.empty()) {
      told_ns = now_ns();
      batch.blame("timeout", exceeded);
      worker_->send({{"type", "stop"}, {"batch", number}});
    }
    if (told_ns && seconds(now_ns() - *told_ns) > kBreakOff_s) {
      worker_->kill();
      throw EnvironmentError("the transformers worker did not stop within " +
                             std::to_string(static_cast<int>(kBreakOff_s)) + " s and was ended" +
                             (exceeded.empty() ? "" : ": " + exceeded));
    }
  }
}

void TransformersBackend::unload() { worker_.reset(); }

}  // namespace aieb
