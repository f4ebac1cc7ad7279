#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

#include "config/parser.h"
#include "python/bindings.h"
#include "python/json.h"
#include "reporters/results_json.h"
#include "runner/monitor.h"

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
    monitor_.reset();
  }
  EnergyMonitor(const EnergyMonitor&) = delete;
  EnergyMonitor& operator=(const EnergyMonitor&) = delete;

  void start() {
    const nb::gil_scoped_release release;
    monitor_ = std::make_unique<Monitor>(config_, MonitorOptions{trace_path_, "", {}, false});
    monitor_->start();
    if (config_.metrics.idle_s > 0) {
      monitor_->begin(PhaseKind::kIdle);
      std::this_thread::sleep_for(std::chrono::duration<double>(config_.metrics.idle_s));
      monitor_->end();
    }
    monitor_->begin(PhaseKind::kMeasure);
  }

  nb::object stop() {
    Json out;
    {
      const nb::gil_scoped_release release;
      monitor_->end();
      monitor_->stop();
      Results results = monitor_->results();
      results.files = Json::object();  // the recording is often a temporary file
      out = results_to_json(results);
    }
    return to_python(out);
  }

  std::optional<double> power_w() const { return monitor_ ? monitor_->power_w() : std::nullopt; }

 private:
  BenchmarkConfig config_;
  std::string trace_path_;
  std::unique_ptr<Monitor> monitor_;
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
