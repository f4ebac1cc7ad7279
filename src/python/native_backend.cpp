#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <nanobind/stl/string.h>

#include "analysis/analyze.h"
#include "backends/registry.h"
#include "config/parser.h"
#include "core/error.h"
#include "formatters/registry.h"
#include "python/bindings.h"
#include "python/json.h"
#include "reporters/results_json.h"

namespace aieb::python {
namespace nb = nanobind;
namespace {

/// Keeps what a backend says about one workload; nothing reaches a file.
class MemorySink : public EventSink {
 public:
  void request_started(const RequestRecord&) override {}
  void tokens_arrived(int) override {}
  void request_finished(RequestRecord record) override {
    const std::lock_guard lock(mutex_);
    records_.push_back(std::move(record));
  }
  void phase_begin(const Phase&) override {}
  void phase_end(const Phase&) override {}
  void domain(const Domain&) override {}
  void samples(const std::vector<Sample>&) override {}
  void event(TraceEvent) override {}

  [[nodiscard]] const std::vector<RequestRecord>& records() const { return records_; }

 private:
  std::mutex mutex_;
  std::vector<RequestRecord> records_;
};

/// The request that a run with this configuration would make of a prompt.
Request make_request(const BenchmarkConfig& config, const std::string& prompt) {
  const Formatter formatter = FormatterRegistry::load(config.scenario).formatter(config);
  FormattedPrompt formatted = formatter.format(prompt);
  Request request;
  request.messages = std::move(formatted.messages);
  request.prompt_text = std::move(formatted.prompt_text);
  request.response_prefix = std::move(formatted.response_prefix);
  request.template_kwargs = formatter.template_kwargs();
  request.params = generation_params(config.scenario);
  request.params.use_cache = request.params.use_cache && config.backend.use_cache;
  for (const auto& [key, value] : formatter.request_parameters().items()) {
    request.params.extra[key] = value;
  }
  return request;
}

/// Latencies as a run computes them: analysis of a trace that holds this one request.
Json result_of(const RequestRecord& record) {
  Trace trace;
  const int64_t start = record.sent_ns.value_or(0);
  trace.phases = {{1, PhaseKind::kMeasure, 0, start, record.done_ns.value_or(start)}};
  trace.requests = {record};
  return prompt_json(analyze(std::move(trace)).requests.at(0));
}

/// A backend of the core, asked prompt by prompt.
class NativeBackend {
 public:
  explicit NativeBackend(const nb::dict& config)
      : config_(config_from_json(json_from(config))), backend_(make_backend(config_)) {}

  ~NativeBackend() {
    const nb::gil_scoped_release release;
    backend_.reset();
  }
  NativeBackend(const NativeBackend&) = delete;
  NativeBackend& operator=(const NativeBackend&) = delete;

  void validate() {
    const nb::gil_scoped_release release;
    backend_->validate();
  }

  void load() {
    const nb::gil_scoped_release release;
    backend_->load();
  }

  void unload() {
    const nb::gil_scoped_release release;
    backend_->unload();
  }

  nb::object info() const { return to_python(to_json(backend_->info())); }

  /// `scenario`: reasoning_params and generate_kwargs of this request.
  nb::object run(const std::string& prompt, const nb::dict& scenario) {
    Json with = to_json(config_);
    with["scenario"].update(json_from(scenario));
    Json out;
    {
      const nb::gil_scoped_release release;
      out = answer(config_from_json(with), prompt);
    }
    return to_python(out);
  }

 private:
  Json answer(const BenchmarkConfig& config, const std::string& prompt) {
    Workload workload;
    workload.requests.push_back(make_request(config, prompt));
    MemorySink sink;
    RunContext context{sink, {}, 0};
    backend_->run(workload, context);
    if (sink.records().empty()) {
      throw Error(ExitCode::kInternal, "the backend recorded no answer");
    }
    return result_of(sink.records().front());
  }

  BenchmarkConfig config_;
  std::unique_ptr<Backend> backend_;
};

}  // namespace

void bind_native_backend(nb::module_& module) {
  nb::class_<NativeBackend>(module, "NativeBackend")
      .def(nb::init<const nb::dict&>(), nb::arg("config"))
      .def("validate", &NativeBackend::validate, "Raises an error that names the fix.")
      .def("load", &NativeBackend::load)
      .def("unload", &NativeBackend::unload)
      .def("info", &NativeBackend::info)
      .def("run", &NativeBackend::run, nb::arg("prompt"), nb::arg("scenario"),
           "Answers one prompt: an entry of per_prompt_results.");
}

}  // namespace aieb::python
