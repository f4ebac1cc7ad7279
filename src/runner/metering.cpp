#include "runner/metering.h"

#include <algorithm>
#include <utility>

#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"
#include "core/results.h"
#include "exporters/advice.h"
#include "exporters/source_spec.h"
#include "http/url.h"
#include "meters/filtered_meter.h"
#include "meters/gpu_probe.h"
#include "meters/locality.h"

namespace aieb {
namespace {

/// Where the energy of a run is to be measured, and why.
struct Scope {
  bool local = true;
  std::vector<int> server_pids;
  std::string reason;
};

/// A machine is watched here, unless exporters of another one are named: then the sensors there.
Scope monitor_scope(const MetricsConfig& metrics) {
  if (metrics.scope != "auto") {
    return {metrics.scope == "local", {}, "metrics.scope is '" + metrics.scope + "'"};
  }
  for (const exporters::SourceSpec& source : exporters::source_specs(metrics.sources)) {
    const http::Endpoint endpoint = http::Endpoint::parse(source.url);
    if (endpoint.is_loopback()) continue;
    return {false, {}, "metrics.sources names another machine, " + endpoint.host()};
  }
  return {true, {}, "this machine is watched"};
}

/// Local meters count for a server exactly when its process is found on this host, unless
/// `metrics.scope` says otherwise.
Scope find_scope(const MetricsConfig& metrics, const BackendInfo& backend) {
  if (backend.type == kMonitorBackend) return monitor_scope(metrics);
  if (backend.in_process) {
    const bool worker = !backend.pids.empty();
    return {
        true, backend.pids,
        worker ? "the model runs in a worker of this process" : "the model runs in this process"};
  }
  const Locality where = locate_endpoint(backend.endpoint);
  if (metrics.scope == "local") return {true, where.pids, "metrics.scope is 'local'"};
  if (metrics.scope == "remote") return {false, {}, "metrics.scope is 'remote'"};
  return {where.local, where.pids, where.reason};
}

MeterOptions meter_options(const Scope& scope, const BackendInfo& backend,
                           const MetricsConfig& metrics) {
  MeterOptions options;
  options.local = scope.local;
  options.activity = true;
  options.remote_reason = scope.reason;
  options.own_pids = scope.server_pids;
  if (backend.in_process) {
    options.gpu_indices = backend.gpu_indices;
  } else {
    options.gpu_indices = gpus_of_processes(scope.server_pids);
    // The driver names no process of a container; with an explicit local scope every GPU counts.
    options.all_gpus = options.gpu_indices.empty() && metrics.scope == "local";
  }
  return options;
}

/// UUIDs of the GPUs that the work is known to happen on; empty: not known.
std::vector<std::string> known_gpus(const MeterOptions& options, const MetricsConfig& metrics) {
  std::vector<std::string> uuids;
  if (!options.local || options.gpu_indices.empty() || metrics.sources.empty()) return uuids;
  for (const GpuDevice& device : measurable_gpus(options.sys_root)) {
    const auto& wanted = options.gpu_indices;
    const bool used = std::find(wanted.begin(), wanted.end(), device.index) != wanted.end();
    if (used && !device.uuid.empty()) uuids.push_back(device.uuid);
  }
  return uuids;
}

bool measures_energy(const Domain& domain) { return domain.unit == "J" || domain.unit == "W"; }

std::string host_of(const std::string& endpoint) {
  try {
    const http::Endpoint parsed = http::Endpoint::parse(endpoint);
    return parsed.unix_socket().empty() ? parsed.host() : "localhost";
  } catch (const Error&) {
    return "HOST";
  }
}

}  // namespace

Metering::Metering(const MetricsConfig& metrics, const BackendInfo& backend, EventSink& sink) {
  if (!metrics.enabled) {
    scope_ = Json{{"scope", "disabled"}, {"reason", "metrics.enabled is false"}};
    return;
  }
  const Scope scope = find_scope(metrics, backend);
  scope_ = Json{{"scope", scope.local ? "local" : "remote"}, {"reason", scope.reason}};
  MeterOptions options = meter_options(scope, backend, metrics);
  Meters meters;
  const std::set<Component> elsewhere = open_sources(metrics, known_gpus(options, metrics), meters);
  const bool has_sources = !remotes_.empty();
  if (has_sources) options.remote_reason = "no entry of metrics.sources measures it";
  take_local(discover_meters(options), elsewhere, meters);
  if (!scope.local) warn_of_missing(backend, has_sources);
  sampler_ = std::make_unique<Sampler>(std::move(meters), sink);
  sampler_->start();
}

Metering::~Metering() = default;

std::set<Component> Metering::open_sources(const MetricsConfig& metrics,
                                           const std::vector<std::string>& server_gpus,
                                           Meters& meters) {
  std::set<Component> measured;
  for (exporters::SourceSpec& spec : exporters::source_specs(metrics.sources)) {
    asked_for_.insert(spec.name);
    auto meter = std::make_unique<exporters::RemoteMeter>(std::move(spec), server_gpus, numbers_);
    const Discovery found = meter->discover();
    for (const Domain& domain : found.domains) {
      if (measures_energy(domain)) measured.insert(domain.component);
    }
    for (const MissingComponent& missing : found.missing) {
      log::warning("energy of " + std::string(to_string(missing.component)) + " is not measured: " +
                   missing.reason + (missing.fix.empty() ? "" : "\n" + missing.fix));
      missing_.push_back(missing);
    }
    remotes_.push_back(meter.get());
    meters.push_back(std::move(meter));
  }
  return measured;
}

/// A component that a source measures is not measured again here, and not missing for want of a
/// sensor here; neither is one of which a source has already said what is wrong.
void Metering::take_local(MeterSet found, const std::set<Component>& elsewhere, Meters& meters) {
  for (std::unique_ptr<Meter>& meter : found.meters) {
    meters.push_back(elsewhere.empty()
                         ? std::move(meter)
                         : std::make_unique<FilteredMeter>(std::move(meter), elsewhere));
  }
  std::set<Component> told = elsewhere;
  for (const MissingComponent& missing : missing_) told.insert(missing.component);
  for (MissingComponent& missing : found.missing) {
    if (!told.contains(missing.component)) missing_.push_back(std::move(missing));
  }
}

void Metering::warn_of_missing(const BackendInfo& backend, bool has_sources) const {
  if (has_sources || backend.endpoint.empty()) return;
  log::warning("energy of " + backend.endpoint +
               " is not measured: " + scope_["reason"].get<std::string>() +
               "\nTo measure it, run aieb on the server's host, or add an exporter that runs there "
               "(docs/meters.md, Exporters):\n" +
               exporters::source_lines(host_of(backend.endpoint)) +
               "\nIf the server is here but its process cannot be seen (a container), set "
               "metrics.scope: local");
}

void Metering::mark() {
  if (!sampler_) return;
  sampler_->mark();
  last_mark_ns_ = now_ns();
}

void Metering::stop(const std::stop_token& stop) {
  if (!sampler_) return;
  for (exporters::RemoteMeter* remote : remotes_) remote->wait_for_update(last_mark_ns_, stop);
  sampler_->stop();
}

std::optional<double> Metering::latest_power_w() const {
  return sampler_ ? sampler_->latest_power_w() : std::nullopt;
}

Json Metering::missing() const {
  Json out = Json::array();
  for (const MissingComponent& m : missing_) {
    out.push_back({{"component", to_string(m.component)},
                   {"meter", m.meter},
                   {"asked_for", asked_for_.contains(m.meter)},
                   {"reason", m.reason},
                   {"fix", m.fix}});
  }
  return out;
}

}  // namespace aieb
