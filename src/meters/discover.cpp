#include "meters/discover.h"

#include <algorithm>
#include <utility>

#include "meters/estimates.h"
#include "meters/gpu_drivers.h"
#include "meters/gpu_meters.h"
#include "meters/rapl.h"

namespace aieb {
namespace {

MeterSet nothing_local(const MeterOptions& options) {
  const std::string reason = options.remote_reason.empty()
                                 ? "the work runs on another machine, which nothing here measures"
                                 : options.remote_reason;
  MeterSet set;
  for (const Component component : {Component::kGpu, Component::kCpu, Component::kDram}) {
    set.missing.push_back(
        {component, "none", reason,
         "run aieb on the server's host, or set metrics.scope: local if it is this one"});
  }
  return set;
}

bool has(const Discovery& found, Component component) {
  return std::any_of(found.domains.begin(), found.domains.end(),
                     [&](const Domain& domain) { return domain.component == component; });
}

void add_gpus(const MeterOptions& options, MeterSet& set) {
  if (options.gpu_indices.empty() && !options.all_gpus) return;
  const GpuDrivers drivers(options.sys_root);
  GpuDrivers::Opened opened = drivers.open(options.gpu_indices, options.all_gpus);
  set.missing.insert(set.missing.end(), opened.missing.begin(), opened.missing.end());
  for (const auto& gpus : opened.by_driver) {
    auto power = std::make_unique<GpuPowerMeter>(gpus);
    const Discovery with_power = power->discover();
    for (const std::shared_ptr<GpuSensors>& gpu : gpus) {
      auto energy = std::make_unique<GpuEnergyMeter>(gpu);
      const bool powered =
          std::any_of(with_power.domains.begin(), with_power.domains.end(), [&](const Domain& d) {
            return d.component == Component::kGpu && d.index == gpu->index();
          });
      if (!powered && energy->discover().domains.empty()) {
        set.missing.push_back({Component::kGpu, gpu->meter(),
                               "GPU " + std::to_string(gpu->index()) + " (" + gpu->name() +
                                   ") reports neither energy nor power",
                               ""});
      }
      set.meters.push_back(std::move(energy));
      set.meters.push_back(std::make_unique<GpuStateMeter>(gpu, options.own_pids));
    }
    set.meters.push_back(std::move(power));
  }
}

/// RAPL by perf events for what powercap does not measure wholly. Why that does not work either,
/// and what would help, joins the reasons of powercap.
std::unique_ptr<RaplPerfMeter> perf_instead(const MeterOptions& options, Discovery& powercap) {
  std::vector<Component> wanted;
  for (const Component component : {Component::kCpu, Component::kDram}) {
    if (!has(powercap, component)) wanted.push_back(component);
  }
  auto perf = std::make_unique<RaplPerfMeter>(options.sys_root, wanted, options.perf);
  const Discovery found = perf->discover();
  for (MissingComponent& missing : powercap.missing) {
    const auto refused =
        std::find_if(found.missing.begin(), found.missing.end(),
                     [&](const MissingComponent& m) { return m.component == missing.component; });
    if (refused == found.missing.end()) continue;
    missing.reason += "; " + refused->reason;
    if (refused->fix.empty()) continue;
    missing.fix = missing.fix.empty() ? refused->fix : refused->fix + "; or: " + missing.fix;
  }
  powercap.domains.insert(powercap.domains.end(), found.domains.begin(), found.domains.end());
  return found.domains.empty() ? nullptr : std::move(perf);
}

/// What RAPL cannot measure, for the note of the estimate that stands in for it.
std::string why_estimated(const Discovery& rapl, Component component) {
  const auto it = std::find_if(rapl.missing.begin(), rapl.missing.end(),
                               [&](const auto& entry) { return entry.component == component; });
  if (it == rapl.missing.end()) return "";
  return it->fix.empty() ? it->reason : it->reason + "; to measure it: " + it->fix;
}

void add_if_it_works(std::unique_ptr<Meter> meter, MeterSet& set) {
  const Discovery found = meter->discover();
  set.missing.insert(set.missing.end(), found.missing.begin(), found.missing.end());
  if (!found.domains.empty()) set.meters.push_back(std::move(meter));
}

void add_cpu_and_memory(const MeterOptions& options, MeterSet& set) {
  auto rapl = std::make_unique<RaplMeter>(options.sys_root, options.proc_root);
  Discovery found = rapl->discover();
  for (const MissingComponent& missing : found.missing) {
    if (has(found, missing.component)) set.missing.push_back(missing);  // one socket of several
  }
  if (!found.domains.empty()) set.meters.push_back(std::move(rapl));
  if (auto perf = perf_instead(options, found)) set.meters.push_back(std::move(perf));
  if (!has(found, Component::kCpu)) {
    add_if_it_works(std::make_unique<CpuEstimateMeter>(options.proc_root,
                                                       why_estimated(found, Component::kCpu)),
                    set);
  }
  if (!has(found, Component::kDram)) {
    add_if_it_works(std::make_unique<RamEstimateMeter>(options.proc_root,
                                                       why_estimated(found, Component::kDram)),
                    set);
  }
}

}  // namespace

MeterSet discover_meters(const MeterOptions& options) {
  if (!options.local) return nothing_local(options);
  MeterSet set;
  add_gpus(options, set);
  add_cpu_and_memory(options, set);
  return set;
}

}  // namespace aieb
