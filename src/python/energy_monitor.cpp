#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

#include "analysis/analyze.h"
#include "carbon/carbon.h"
#include "config/parser.h"
#include "core/clock.h"
#include "core/trace_data.h"
#include "core/version.h"
#include "meters/gpu_probe.h"
#include "python/bindings.h"
#include "python/json.h"
#include "reporters/results_json.h"
#include "runner/environment.h"
#include "runner/metering.h"
#include "trace/reader.h"
#include "trace/recorder.h"

namespace aieb::python {
namespace nb = nanobind;
namespace {

/// What this machine uses between `start` and `stop`, recorded like a run without requests.
class EnergyMonitor {
 public:
  EnergyMonitor(const nb::dict& config, std::string trace_path)
      : config_(config_from_json(json_from(config))), trace_path_(std::move(trace_path)) {}

  ~EnergyMonitor() {
    const nb::gil_scoped_release release;
    metering_.reset();
    recorder_.reset();
  }
  EnergyMonitor(const EnergyMonitor&) = delete;
  EnergyMonitor& operator=(const EnergyMonitor&) = delete;

  void start() {
    const nb::gil_scoped_release release;
    recorder_ = TraceRecorder::create(trace_path_);
    BackendInfo info;
    info.type = "monitor";
    info.in_process = true;
    for (const GpuDevice& device : probe_gpus().devices) info.gpu_indices.push_back(device.index);
    metering_ = std::make_unique<Metering>(config_.metrics, info, *recorder_);
    describe(info);
    if (config_.metrics.idle_s > 0) {
      begin(PhaseKind::kIdle);
      std::this_thread::sleep_for(std::chrono::duration<double>(config_.metrics.idle_s));
      end();
    }
    begin(PhaseKind::kMeasure);
  }

  nb::object stop() {
    Json out;
    {
      const nb::gil_scoped_release release;
      end();
      metering_->stop();
      recorder_->close();
      out = results_to_json(analyze(read_trace(trace_path_)));
    }
    return to_python(out);
  }

  std::optional<double> power_w() const {
    return metering_ ? metering_->latest_power_w() : std::nullopt;
  }

 private:
  void describe(const BackendInfo& info) {
    Json environment = host_environment();
    environment["energy_scope"] = metering_->scope();
    recorder_->set_meta(meta::kToolVersion, version());
    recorder_->set_meta(meta::kRunId, compact_utc(wall_ns()) + "-" + config_.name);
    recorder_->set_meta(meta::kName, config_.name);
    recorder_->set_meta(meta::kConfig, to_public_json(config_).dump());
    recorder_->set_meta(meta::kCarbon, to_json(resolve_carbon(config_.metrics)).dump());
    recorder_->set_meta(meta::kMissing, metering_->missing().dump());
    recorder_->set_meta(meta::kEnvironment, environment.dump());
    recorder_->set_meta(meta::kBackendInfo, to_json(info).dump());
  }

  void begin(PhaseKind kind) {
    metering_->mark();
    phase_ = {phase_.id + 1, kind, 0, now_ns(), 0};
    recorder_->phase_begin(phase_);
  }

  void end() {
    phase_.end_ns = now_ns();
    recorder_->phase_end(phase_);
    metering_->mark();
  }

  BenchmarkConfig config_;
  std::string trace_path_;
  std::unique_ptr<TraceRecorder> recorder_;
  std::unique_ptr<Metering> metering_;
  Phase phase_;
};

}  // namespace

void bind_energy_monitor(nb::module_& module) {
  nb::class_<EnergyMonitor>(module, "EnergyMonitor")
      .def(nb::init<const nb::dict&, std::string>(), nb::arg("config"), nb::arg("trace_path"))
      .def("start", &EnergyMonitor::start)
      .def("stop", &EnergyMonitor::stop, "The results document of what was recorded.")
      .def("power_w", &EnergyMonitor::power_w);
}

}  // namespace aieb::python
