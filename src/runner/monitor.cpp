#include "runner/monitor.h"

#include <filesystem>
#include <utility>

#include "analysis/analyze.h"
#include "config/parser.h"
#include "core/clock.h"
#include "core/trace_data.h"
#include "core/version.h"
#include "meters/gpu_probe.h"
#include "runner/environment.h"
#include "runner/metering.h"
#include "runner/run_id.h"
#include "trace/reader.h"
#include "trace/recorder.h"

namespace aieb {
namespace {

BackendInfo describe_work(const std::vector<std::string>& command) {
  BackendInfo info;
  info.type = kMonitorBackend;
  info.in_process = true;
  for (const GpuDevice& device : measurable_gpus()) info.gpu_indices.push_back(device.index);
  if (!command.empty()) {
    info.model = std::filesystem::path(command.front()).filename().string();
    info.details["command"] = command;
  }
  return info;
}

}  // namespace

Monitor::Monitor(BenchmarkConfig config, MonitorOptions options)
    : config_(std::move(config)),
      options_(std::move(options)),
      carbon_(config_),
      info_(describe_work(options_.command)) {
  if (!options_.trace_path.empty()) recorder_ = TraceRecorder::create(options_.trace_path);
  if (options_.live) live_ = std::make_unique<LiveEnergy>(recorder_.get());
  sink_ = live_ ? static_cast<EventSink*>(live_.get()) : recorder_.get();
}

Monitor::~Monitor() = default;

void Monitor::start() {
  metering_ = std::make_unique<Metering>(config_.metrics, info_, *sink_);
  if (live_) live_->set_expected(metering_->missing(), to_json(info_));
  if (recorder_) describe();
}

void Monitor::describe() {
  Json environment = host_environment();
  recorder_->set_meta(meta::kHost, environment["host"]);
  if (environment["boot_id"].is_string()) {
    recorder_->set_meta(meta::kBootId, environment["boot_id"]);
  }
  environment["energy_scope"] = metering_->scope();
  recorder_->set_meta(meta::kToolVersion, version());
  recorder_->set_meta(meta::kRunId,
                      options_.run_id.empty() ? new_run_id(config_.name) : options_.run_id);
  recorder_->set_meta(meta::kName, config_.name);
  recorder_->set_meta(meta::kConfig, to_public_json(config_).dump());
  recorder_->set_meta(meta::kCarbon, to_json(carbon_.factor()).dump());
  recorder_->set_meta(meta::kMissing, metering_->missing().dump());
  recorder_->set_meta(meta::kEnvironment, environment.dump());
  recorder_->set_meta(meta::kBackendInfo, to_json(info_).dump());
}

void Monitor::begin(PhaseKind kind) {
  metering_->mark();
  phase_ = {phase_.id + 1, kind, 0, now_ns(), 0};
  if (live_) live_->begin(phase_.start_ns);
  sink_->phase_begin(phase_);
}

void Monitor::end() {
  phase_.end_ns = now_ns();
  sink_->phase_end(phase_);
  metering_->mark();
}

LiveReading Monitor::read() { return live_->advance(now_ns()); }

std::optional<double> Monitor::power_w() const {
  return metering_ ? metering_->latest_power_w() : std::nullopt;
}

void Monitor::stop(std::optional<CommandExit> exit) {
  metering_->stop();
  const auto problem = carbon_.finish(wall_ns());
  if (problem) sink_->event({now_ns(), "warning", Json{{"text", *problem}}});
  if (!recorder_) return;
  recorder_->set_meta(meta::kCarbon, to_json(carbon_.factor()).dump());
  if (exit) {
    info_.details["command_exit"] = {{"code", exit->code}, {"signal", exit->signal}};
    recorder_->set_meta(meta::kBackendInfo, to_json(info_).dump());
  }
  recorder_->close();
}

Results Monitor::results() const {
  Results results = analyze(read_trace(options_.trace_path));
  results.files["trace"] = options_.trace_path;
  return results;
}

Json Monitor::missing() const { return metering_ ? metering_->missing() : Json::array(); }

}  // namespace aieb
