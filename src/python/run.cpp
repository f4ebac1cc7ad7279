#include <memory>
#include <string>
#include <utility>

#include <nanobind/stl/string.h>

#include "config/parser.h"
#include "python/benchmark_run.h"
#include "python/bindings.h"
#include "python/json.h"
#include "python/python_backend.h"
#include "python/python_collector.h"
#include "reporters/results_json.h"
#include "reporters/write.h"

namespace aieb::python {
namespace nb = nanobind;
namespace {

/// Keeps a BenchmarkRun; destroys it without the GIL, which its Python parts may need to finish.
class Run {
 public:
  /// `driver`: None for a backend of the core. `collectors`: {name: object with start and stop}.
  Run(const nb::dict& config, const nb::object& driver, const nb::dict& collectors,
      const std::string& trace_path) {
    RunOptions options;
    options.trace_path = trace_path;
    if (!driver.is_none()) {
      const HeldObject held(driver);
      options.make_backend = [held](const BenchmarkConfig&) {
        return std::make_unique<PythonBackend>(held);
      };
    }
    for (const auto& [name, collector] : collectors) {
      options.collectors.push_back(std::make_shared<PythonCollector>(
          nb::cast<std::string>(name), HeldObject(nb::borrow(collector))));
    }
    BenchmarkConfig parsed = config_from_json(json_from(config));
    const nb::gil_scoped_release release;
    run_ = std::make_unique<BenchmarkRun>(std::move(parsed), std::move(options));
  }

  ~Run() {
    const nb::gil_scoped_release release;
    run_.reset();
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  bool wait(double timeout_s) {
    const nb::gil_scoped_release release;
    return run_->wait(timeout_s);
  }

  void stop() {
    const nb::gil_scoped_release release;
    run_->stop();
  }

  nb::object take_progress() {
    const auto p = run_->take_progress();
    if (!p) return nb::none();
    const auto number = [](const std::optional<double>& value) {
      return value ? Json(*value) : Json();
    };
    return to_python({{"phase", p->phase},
                      {"prompts_done", p->prompts_done},
                      {"prompts_failed", p->prompts_failed},
                      {"prompts_total", p->prompts_total},
                      {"tokens", p->tokens},
                      {"tokens_per_s", number(p->tokens_per_s)},
                      {"watts", number(p->watts)},
                      {"elapsed_s", number(p->elapsed_s)},
                      {"remaining_s", number(p->remaining_s)}});
  }

  nb::object outcome() {
    const RunOutcome& outcome = run_->outcome();
    return to_python({{"results", results_to_json(outcome.results)},
                      {"trace_path", outcome.trace_path},
                      {"exit_code", static_cast<int>(outcome.exit_code)},
                      {"error", outcome.error}});
  }

  /// `config` names the reports; `log_path` is listed beside them.
  nb::object write_reports(const nb::dict& config, const std::string& log_path) {
    const BenchmarkConfig parsed = config_from_json(json_from(config));
    RunOutcome& outcome = run_->outcome();
    outcome.results.files["log"] = log_path;
    Json files;
    {
      const nb::gil_scoped_release release;
      files = aieb::write_reports(outcome.results, parsed, outcome.trace_path);
    }
    return to_python(files);
  }

 private:
  std::unique_ptr<BenchmarkRun> run_;
};

void require_writable(const nb::dict& config) {
  const BenchmarkConfig parsed = config_from_json(json_from(config));
  const nb::gil_scoped_release release;
  require_reports_writable(parsed);
}

}  // namespace

void bind_run(nb::module_& module) {
  nb::class_<Run>(module, "Run")
      .def(nb::init<const nb::dict&, const nb::object&, const nb::dict&, const std::string&>(),
           nb::arg("config"), nb::arg("driver").none(), nb::arg("collectors"),
           nb::arg("trace_path"), "Starts the benchmark on a thread of its own.")
      .def("wait", &Run::wait, nb::arg("timeout_s"), "Whether it is over.")
      .def("stop", &Run::stop, "Asks it to end with what was answered.")
      .def("take_progress", &Run::take_progress, "The latest, or None when nothing is new.")
      .def("outcome", &Run::outcome, "{results, trace_path, exit_code, error}.")
      .def("write_reports", &Run::write_reports, nb::arg("config"), nb::arg("log_path"),
           "Writes the files that a configuration names: {label: path}.");
  module.def("require_reports_writable", require_writable, nb::arg("config"));
}

}  // namespace aieb::python
