#include "meters/discover.h"

#include <algorithm>
#include <set>
#include <utility>

#include "meters/activity.h"
#include "meters/device_estimates.h"
#include "meters/estimates.h"
#include "meters/gpu_drivers.h"
#include "meters/gpu_meters.h"
#include "meters/hwmon.h"
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

/// Takes over what another meter found for the components that `found` lacks. Why it does not work
/// either, and what would help, joins the reasons.
void merge(const Discovery& other, Discovery& found) {
  for (MissingComponent& missing : found.missing) {
    const auto refused =
        std::find_if(other.missing.begin(), other.missing.end(),
                     [&](const MissingComponent& m) { return m.component == missing.component; });
    if (refused == other.missing.end()) continue;
    missing.reason += "; " + refused->reason;
    if (refused->fix.empty()) continue;
    missing.fix = missing.fix.empty() ? refused->fix : refused->fix + "; or: " + missing.fix;
  }
  found.domains.insert(found.domains.end(), other.domains.begin(), other.domains.end());
}

/// CPU and memory as far as a meter found neither.
std::vector<Component> still_wanted(const Discovery& found) {
  std::vector<Component> wanted;
  for (const Component component : {Component::kCpu, Component::kDram}) {
    if (!has(found, component)) wanted.push_back(component);
  }
  return wanted;
}

/// A meter that stands in for what the ones before it could not measure.
void stand_in(std::unique_ptr<Meter> meter, Discovery& found, MeterSet& set) {
  const Discovery its = meter->discover();
  merge(its, found);
  if (!its.domains.empty()) set.meters.push_back(std::move(meter));
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

struct Measured {
  Discovery found;
  bool memory_in_cpu = false;  ///< the CPU's sensor includes it: nothing may be added for it
};

/// Measured by RAPL, what that lacks by hwmon: what is known of both together.
Measured add_measured(const MeterOptions& options, MeterSet& set) {
  auto rapl = std::make_unique<RaplMeter>(options.sys_root, options.proc_root);
  Discovery found = rapl->discover();
  for (const MissingComponent& missing : found.missing) {
    if (has(found, missing.component)) set.missing.push_back(missing);  // one socket of several
  }
  if (!found.domains.empty()) set.meters.push_back(std::move(rapl));
  stand_in(std::make_unique<RaplPerfMeter>(options.sys_root, still_wanted(found), options.perf),
           found, set);
  const std::vector<Component> wanted = still_wanted(found);
  std::set<Component> of_hwmon(wanted.begin(), wanted.end());
  if (!has(found, Component::kNode)) of_hwmon.insert(Component::kNode);
  auto hwmon = std::make_unique<HwmonMeter>(options.sys_root, of_hwmon);
  hwmon->discover();
  const bool memory_in_cpu = hwmon->memory_in_cpu();
  stand_in(std::move(hwmon), found, set);
  return {std::move(found), memory_in_cpu};
}

void add_cpu_and_memory(const MeterOptions& options, MeterSet& set) {
  const auto [found, memory_in_cpu] = add_measured(options, set);
  if (!has(found, Component::kCpu)) {
    add_if_it_works(std::make_unique<CpuEstimateMeter>(options.proc_root,
                                                       why_estimated(found, Component::kCpu)),
                    set);
  }
  if (memory_in_cpu) {
    set.missing.push_back({Component::kDram, "hwmon", "it is part of the CPU's energy", ""});
  } else if (!has(found, Component::kDram)) {
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
  add_if_it_works(std::make_unique<DeviceEstimateMeter>(options.sys_root, options.proc_root), set);
  if (options.activity) {
    set.meters.push_back(
        std::make_unique<ActivityMeter>(options.sys_root, options.proc_root, options.perf));
  }
  return set;
}

}  // namespace aieb
