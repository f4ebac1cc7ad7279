#include "runner/metering.h"

#include <utility>

#include "core/log.h"
#include "meters/discover.h"
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

constexpr const char* kRemoteRemedy =
    "\nTo measure it, run aieb on the server's host. If the server is here but its process cannot "
    "be "
    "seen (a container), set metrics.scope: local";

/// Local meters count for a server exactly when its process is found on this host, unless
/// `metrics.scope` says otherwise.
Scope find_scope(const MetricsConfig& metrics, const BackendInfo& backend) {
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

}  // namespace

Metering::Metering(const MetricsConfig& metrics, const BackendInfo& backend, EventSink& sink) {
  if (!metrics.enabled) {
    scope_ = Json{{"scope", "disabled"}, {"reason", "metrics.enabled is false"}};
    return;
  }
  const Scope scope = find_scope(metrics, backend);
  scope_ = Json{{"scope", scope.local ? "local" : "remote"}, {"reason", scope.reason}};
  if (!scope.local) {
    log::warning("energy of " + backend.endpoint + " is not measured: " + scope.reason +
                 kRemoteRemedy);
  }
  MeterSet found = discover_meters(meter_options(scope, backend, metrics));
  missing_ = std::move(found.missing);
  sampler_ = std::make_unique<Sampler>(std::move(found.meters), sink);
  sampler_->start();
}

Metering::~Metering() = default;

void Metering::mark() {
  if (sampler_) sampler_->mark();
}

void Metering::stop() {
  if (sampler_) sampler_->stop();
}

std::optional<double> Metering::latest_power_w() const {
  return sampler_ ? sampler_->latest_power_w() : std::nullopt;
}

Json Metering::missing() const {
  Json out = Json::array();
  for (const MissingComponent& m : missing_) {
    out.push_back({{"component", to_string(m.component)},
                   {"meter", m.meter},
                   {"reason", m.reason},
                   {"fix", m.fix}});
  }
  return out;
}

}  // namespace aieb
