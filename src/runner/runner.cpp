#include "runner/runner.h"

#include <algorithm>
#include <exception>
#include <memory>
#include <optional>
#include <utility>

#include "analysis/analyze.h"
#include "backends/registry.h"
#include "config/parser.h"
#include "config/protocol.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/stop.h"
#include "core/trace_data.h"
#include "core/version.h"
#include "exporters/source_spec.h"
#include "runner/calibration.h"
#include "runner/client_clock.h"
#include "runner/environment.h"
#include "runner/metering.h"
#include "runner/phase_scope.h"
#include "runner/planner.h"
#include "runner/progress_reporter.h"
#include "runner/progress_sink.h"
#include "runner/repeat_runner.h"
#include "runner/request_series.h"
#include "runner/run_carbon.h"
#include "runner/run_id.h"
#include "runner/run_watch.h"
#include "runner/server_page.h"
#include "trace/reader.h"
#include "trace/recorder.h"

namespace aieb {
namespace {

BenchmarkConfig under_protocol(BenchmarkConfig config) {
  apply_protocol(config);
  return config;
}

/// One benchmark from plan to trace. Each step is a method; `execute` is the order.
class Run {
 public:
  Run(const BenchmarkConfig& config, const RunOptions& options)
      : given_(config),
        config_(under_protocol(config)),
        options_(options),
        run_id_(new_run_id(config.name)) {}

  RunOutcome execute() {
    prepare();
    open_trace();
    ProgressReporter progress(options_.on_progress, *sink_, [this] {
      return metering_ ? metering_->latest_power_w() : std::nullopt;
    });
    progress_ = &progress;
    start_meters();
    load();
    calibrate_client();
    measure_idle();
    measure();
    backend_->unload();
    server_.reset();
    metering_->stop(options_.stop);
    finish_carbon();
    close_trace();
    return outcome();
  }

  void prepare() {
    const StopScope stoppable(options_.stop);
    // What is wrong in these is said before a data set is fetched or a model loaded.
    exporters::source_specs(config_.metrics.sources);
    check_carbon(config_);
    plan_ = make_plan(given_);
    carbon_.emplace(config_);
    backend_ = options_.make_backend ? options_.make_backend(config_) : make_backend(config_);
    backend_->validate();
  }

 private:
  void open_trace() {
    trace_path_ = options_.trace_path.empty() ? run_trace_path(config_.output_dir, run_id_)
                                              : options_.trace_path;
    recorder_ = TraceRecorder::create(trace_path_);
    watch_ = std::make_unique<RunWatch>(*recorder_);
    sink_ = std::make_unique<ProgressSink>(*watch_);
    recorder_->set_meta(meta::kToolVersion, version());
    recorder_->set_meta(meta::kRunId, run_id_);
    recorder_->set_meta(meta::kName, config_.name);
    recorder_->set_meta(meta::kConfig, to_public_json(config_).dump());
    recorder_->set_meta(meta::kPlan, plan_.description.dump());
    recorder_->set_meta(meta::kProtocol, to_json(plan_.protocol).dump());
    recorder_->set_meta(meta::kCarbon, to_json(carbon_->factor()).dump());
    for (const std::string& notice : plan_.notices) warn(notice);
    if (!config_.metrics.collectors.empty() && options_.collectors.empty()) {
      warn(
          "metrics.collectors has no effect here: collectors are Python classes, run this with the "
          "Python package");
    }
  }

  void start_meters() {
    metering_ = std::make_unique<Metering>(config_.metrics, backend_->info(), *sink_);
    phases_ = std::make_unique<PhaseLog>(*metering_, *sink_, options_.stop);
    recorder_->set_meta(meta::kMissing, metering_->missing().dump());
    Json environment = host_environment();
    recorder_->set_meta(meta::kHost, environment["host"]);
    if (environment["boot_id"].is_string()) {
      recorder_->set_meta(meta::kBootId, environment["boot_id"]);
    }
    environment["energy_scope"] = metering_->scope();
    recorder_->set_meta(meta::kEnvironment, environment.dump());
    server_ = watch_server(config_, backend_->info(), *sink_);
  }

  void load() {
    progress_->begin("loading model");
    const PhaseScope phase(*phases_, PhaseKind::kLoad);
    const StopScope stoppable(options_.stop);
    backend_->load();
    const BackendInfo info = backend_->info();
    recorder_->set_meta(meta::kBackendInfo, to_json(info).dump());
  }

  [[nodiscard]] bool asks_a_server() const { return backend_->info().engine == "server"; }

  /// What the client adds to latencies at the load of this run.
  void calibrate_client() {
    if (!asks_a_server() || !wants_calibration(config_) || stopped()) return;
    progress_->begin("calibrating the client");
    const Calibration own = calibrate(calibration_load(config_, plan_.measure), options_.stop);
    if (!stopped()) sink_->event({now_ns(), kCalibrationEvent, to_json(own)});
  }

  void measure_idle() {
    if (!config_.metrics.enabled || config_.metrics.idle_s <= 0 || stopped()) return;
    progress_->begin("idle power", {.duration_s = config_.metrics.idle_s});
    const PhaseScope phase(*phases_, PhaseKind::kIdle);
    sleep_unless_stopped(config_.metrics.idle_s, options_.stop);
  }

  /// What goes wrong while measuring ends the measurement, not the results.
  void measure() {
    if (stopped()) return;
    const RepeatParts parts{.plan = plan_,
                            .backend = *backend_,
                            .sink = *sink_,
                            .watch = *watch_,
                            .phases = *phases_,
                            .progress = *progress_,
                            .stop = options_.stop,
                            .before_measure = [this] { before_measure(); },
                            .after_measure = [this] { after_measure(); }};
    failure_ = RepeatRunner(parts).execute();
    client_clock_.reset();  // where a failure left it running
    if (!collected_.empty()) recorder_->set_meta(meta::kCollected, collected_.dump());
  }

  void before_measure() {
    if (server_) server_->begin_measure();
    if (asks_a_server()) client_clock_.emplace(*sink_);
    for (const auto& collector : options_.collectors) collector->start();
  }

  void after_measure() {
    client_clock_.reset();
    stop_collectors();
    if (server_) server_->end_measure();
  }

  /// With several repeats a collector's value is a list, one a repeat.
  void stop_collectors() {
    for (const auto& collector : options_.collectors) {
      Json value = collector->stop();
      if (plan_.protocol.repeats == 1) {
        collected_[collector->name()] = std::move(value);
      } else {
        collected_[collector->name()].push_back(std::move(value));
      }
    }
  }

  void finish_carbon() {
    if (const auto problem = carbon_->finish(wall_ns())) warn(*problem);
    recorder_->set_meta(meta::kCarbon, to_json(carbon_->factor()).dump());
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
      // Reports without a request would only take the place of those of an earlier run.
      const auto sent = [](const RequestResult& r) { return r.record.sent_ns.has_value(); };
      if (std::ranges::none_of(out.results.requests, sent)) throw Stopped();
      out.exit_code = ExitCode::kInterrupted;
    } else if (failure_) {
      out.exit_code = failure_->exit_code();
      out.error = failure_->what();
    } else if (out.results.successful_prompts < out.results.total_prompts) {
      out.exit_code = ExitCode::kSomePromptsFailed;
    }
    return out;
  }

  [[nodiscard]] bool stopped() const { return options_.stop.stop_requested(); }

  void warn(const std::string& text) {
    log::warning(text);
    sink_->event({now_ns(), "warning", Json{{"text", text}}});
  }

  const BenchmarkConfig& given_;
  const BenchmarkConfig config_;  ///< with what the protocol overrules
  const RunOptions& options_;
  std::string run_id_;
  Plan plan_;
  std::optional<RunCarbon> carbon_;
  std::unique_ptr<Backend> backend_;
  std::string trace_path_;
  std::unique_ptr<TraceRecorder> recorder_;
  std::unique_ptr<RunWatch> watch_;
  std::unique_ptr<ProgressSink> sink_;
  std::unique_ptr<Metering> metering_;
  std::unique_ptr<exporters::ServerWatch> server_;
  ProgressReporter* progress_ = nullptr;
  std::unique_ptr<PhaseLog> phases_;
  Json collected_ = Json::object();
  std::optional<ClientClock> client_clock_;
  std::optional<Error> failure_;
};

}  // namespace

void check_benchmark(const BenchmarkConfig& config, const RunOptions& options) {
  Run(config, options).prepare();
}

RunOutcome run_benchmark(const BenchmarkConfig& config, const RunOptions& options) {
  return Run(config, options).execute();
}

}  // namespace aieb
