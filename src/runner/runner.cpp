#include "runner/runner.h"

#include <exception>
#include <memory>
#include <utility>

#include "analysis/analyze.h"
#include "backends/registry.h"
#include "carbon/carbon.h"
#include "config/parser.h"
#include "core/client_load.h"
#include "core/clock.h"
#include "core/cpu_time.h"
#include "core/log.h"
#include "core/trace_data.h"
#include "core/version.h"
#include "runner/calibration.h"
#include "runner/environment.h"
#include "runner/metering.h"
#include "runner/pause.h"
#include "runner/planner.h"
#include "runner/progress_reporter.h"
#include "runner/progress_sink.h"
#include "runner/request_series.h"
#include "runner/run_id.h"
#include "trace/reader.h"
#include "trace/recorder.h"

namespace aieb {
namespace {

/// One benchmark from plan to trace. Each step is a method; `execute` is the order.
class Run {
 public:
  Run(const BenchmarkConfig& config, const RunOptions& options)
      : config_(config), options_(options), run_id_(new_run_id(config.name)) {}

  RunOutcome execute() {
    plan_ = make_plan(config_);
    carbon_ = resolve_carbon(config_.metrics);
    backend_ = options_.make_backend ? options_.make_backend(config_) : make_backend(config_);
    backend_->validate();
    open_trace();
    ProgressReporter progress(options_.on_progress, *sink_, [this] {
      return metering_ ? metering_->latest_power_w() : std::nullopt;
    });
    progress_ = &progress;
    start_meters();
    load();
    calibrate_client();
    measure_idle();
    warm_up();
    measure();
    backend_->unload();
    metering_->stop();
    close_trace();
    return outcome();
  }

 private:
  void open_trace() {
    trace_path_ = options_.trace_path.empty() ? run_trace_path(config_.output_dir, run_id_)
                                              : options_.trace_path;
    recorder_ = TraceRecorder::create(trace_path_);
    sink_ = std::make_unique<ProgressSink>(*recorder_);
    recorder_->set_meta(meta::kToolVersion, version());
    recorder_->set_meta(meta::kRunId, run_id_);
    recorder_->set_meta(meta::kName, config_.name);
    recorder_->set_meta(meta::kConfig, to_public_json(config_).dump());
    recorder_->set_meta(meta::kPlan, plan_.description.dump());
    recorder_->set_meta(meta::kCarbon, to_json(carbon_).dump());
    for (const std::string& notice : plan_.notices) warn(notice);
    if (!config_.metrics.collectors.empty() && options_.collectors.empty()) {
      warn(
          "metrics.collectors has no effect here: collectors are Python classes, run this with the "
          "Python package");
    }
  }

  void start_meters() {
    metering_ = std::make_unique<Metering>(config_.metrics, backend_->info(), *sink_);
    recorder_->set_meta(meta::kMissing, metering_->missing().dump());
    Json environment = host_environment();
    recorder_->set_meta(meta::kHost, environment["host"]);
    if (environment["boot_id"].is_string()) {
      recorder_->set_meta(meta::kBootId, environment["boot_id"]);
    }
    environment["energy_scope"] = metering_->scope();
    recorder_->set_meta(meta::kEnvironment, environment.dump());
  }

  void load() {
    progress_->begin("loading model", 0, std::nullopt);
    const PhaseScope phase(*this, PhaseKind::kLoad);
    backend_->load();
    const BackendInfo info = backend_->info();
    recorder_->set_meta(meta::kBackendInfo, to_json(info).dump());
  }

  [[nodiscard]] bool asks_a_server() const { return backend_->info().engine == "server"; }

  /// What the client adds to latencies at the load of this run.
  void calibrate_client() {
    if (!asks_a_server() || !wants_calibration(config_) || stopped()) return;
    progress_->begin("calibrating the client", 0, std::nullopt);
    const Calibration own = calibrate(calibration_load(config_, plan_.measure), options_.stop);
    if (!stopped()) sink_->event({now_ns(), kCalibrationEvent, to_json(own)});
  }

  void measure_idle() {
    if (!config_.metrics.enabled || config_.metrics.idle_s <= 0 || stopped()) return;
    progress_->begin("idle power", 0, config_.metrics.idle_s);
    const PhaseScope phase(*this, PhaseKind::kIdle);
    sleep_unless_stopped(config_.metrics.idle_s, options_.stop);
  }

  void warm_up() {
    if (plan_.warmup.requests.empty() || stopped()) return;
    progress_->begin("warm-up", static_cast<int64_t>(plan_.warmup.requests.size()), std::nullopt);
    const PhaseScope phase(*this, PhaseKind::kWarmup);
    RunContext context{*sink_, options_.stop, 0};
    backend_->run(plan_.warmup, context);
  }

  /// What goes wrong here ends the measurement, not the results: every finished request counts.
  void measure() {
    if (stopped()) return;
    const LoadPlan& load = plan_.measure.load;
    const std::optional<int64_t> requests = planned_requests(plan_.measure);
    progress_->begin("measuring", requests.value_or(load.max_requests.value_or(0)),
                     load.duration_ns ? std::optional(seconds(*load.duration_ns)) : std::nullopt);
    for (const auto& collector : options_.collectors) collector->start();
    run_measured();
    Json collected = Json::object();
    for (const auto& collector : options_.collectors) {
      collected[collector->name()] = collector->stop();
    }
    if (!collected.empty()) recorder_->set_meta(meta::kCollected, collected.dump());
  }

  void run_measured() {
    const PhaseScope phase(*this, PhaseKind::kMeasure);
    const ClientClock clock(*this);
    RunContext context{*sink_, options_.stop, 0};
    try {
      backend_->run(plan_.measure, context);
    } catch (const Error& error) {
      failure_ = error;
      sink_->event({now_ns(), "error", Json{{"text", error.what()}}});
    }
  }

  /// A disk that filled up costs the end of the trace, not what is already in it.
  void close_trace() {
    try {
      recorder_->close();
    } catch (const Error& error) {
      if (!failure_) failure_ = error;
    }
  }

  RunOutcome outcome() {
    RunOutcome out;
    out.trace_path = trace_path_;
    out.results = analyze(read_trace(trace_path_));
    out.results.files["trace"] = trace_path_;
    if (stopped()) {
      out.exit_code = ExitCode::kInterrupted;
    } else if (failure_) {
      out.exit_code = failure_->exit_code();
      out.error = failure_->what();
    } else if (out.results.successful_prompts < out.results.total_prompts) {
      out.exit_code = ExitCode::kSomePromptsFailed;
    }
    return out;
  }

  /// Opens a phase on fresh sensor readings and closes it the same way.
  class PhaseScope {
   public:
    PhaseScope(Run& run, PhaseKind kind) : run_(run) {
      run_.metering_->mark();
      phase_.id = ++run_.last_phase_id_;
      phase_.kind = kind;
      phase_.start_ns = now_ns();
      run_.sink_->phase_begin(phase_);
    }
    ~PhaseScope() {
      phase_.end_ns = now_ns();
      run_.sink_->phase_end(phase_);
      run_.metering_->mark();
    }
    PhaseScope(const PhaseScope&) = delete;
    PhaseScope& operator=(const PhaseScope&) = delete;

   private:
    Run& run_;
    Phase phase_;
  };

  /// Records the CPU time of a server's client.
  class ClientClock {
   public:
    explicit ClientClock(Run& run) : run_(run) {}
    ~ClientClock() {
      if (!run_.asks_a_server()) return;
      const int64_t end_ns = now_ns();
      run_.sink_->event({end_ns, kClientEvent,
                         Json{{"wall_s", seconds(end_ns - start_ns_)},
                              {"cpu_s", process_cpu_s() - process_s_},
                              {"sending_cpu_s", thread_cpu_s() - thread_s_}}});
    }
    ClientClock(const ClientClock&) = delete;
    ClientClock& operator=(const ClientClock&) = delete;

   private:
    Run& run_;
    int64_t start_ns_ = now_ns();
    double process_s_ = process_cpu_s();
    double thread_s_ = thread_cpu_s();
  };

  [[nodiscard]] bool stopped() const { return options_.stop.stop_requested(); }

  void warn(const std::string& text) {
    log::warning(text);
    sink_->event({now_ns(), "warning", Json{{"text", text}}});
  }

  const BenchmarkConfig& config_;
  const RunOptions& options_;
  std::string run_id_;
  Plan plan_;
  CarbonFactor carbon_;
  std::unique_ptr<Backend> backend_;
  std::string trace_path_;
  std::unique_ptr<TraceRecorder> recorder_;
  std::unique_ptr<ProgressSink> sink_;
  std::unique_ptr<Metering> metering_;
  ProgressReporter* progress_ = nullptr;
  int64_t last_phase_id_ = 0;
  std::optional<Error> failure_;
};

}  // namespace

RunOutcome run_benchmark(const BenchmarkConfig& config, const RunOptions& options) {
  return Run(config, options).execute();
}

}  // namespace aieb
