#include "meters/self_check.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "meters/activity.h"
#include "meters/amd_gpu.h"
#include "meters/gpu_probe.h"
#include "meters/observation.h"
#include "meters/rapl.h"

namespace aieb {
namespace {

constexpr int64_t kPause = 5'000'000;
/// A counter and the power beside it may differ this much over so short a time.
constexpr double kTolerance = 0.15;

std::string watts(const std::optional<double>& power) {
  if (!power) return "no power yet";
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f W", *power);
  return text;
}

std::string milliseconds(const std::optional<double>& period_s) {
  return period_s ? ", new value every " + std::to_string(std::lround(1e3 * *period_s)) + " ms"
                  : "";
}

/// Over how long a gauge averages: shorter loads are smeared by it.
std::string averaging(const Domain& domain) {
  return domain.averaging_ns > 0
             ? ", a mean over " + std::to_string(domain.averaging_ns / 1'000'000) + " ms"
             : "";
}

/// A sensor by its meter's name, for people.
std::string sensor_text(const Domain& domain) {
  const std::string meter = domain.meter == "rapl"        ? "RAPL"
                            : domain.meter == "rapl-perf" ? "RAPL (perf events)"
                                                          : domain.meter;
  return meter + " " + domain.name;
}

const Observation* find(const std::vector<Observation>& all, const std::string& name) {
  const auto it = std::find_if(all.begin(), all.end(),
                               [&](const Observation& o) { return o.domain.name == name; });
  return it == all.end() ? nullptr : &*it;
}

Check check_driver(const MeterOptions& options, const GpuProbe& probe) {
  if (!probe.driver_found && !nvidia_gpu_on_pci(options.sys_root)) {
    return {"NVIDIA driver", Check::ok, "this machine has no NVIDIA GPU", ""};
  }
  if (!probe.problem.empty()) return {"NVIDIA driver", Check::fail, probe.problem, ""};
  return {"NVIDIA driver", Check::ok,
          probe.driver_version + ", CUDA " + std::to_string(probe.cuda_driver_version / 1000) +
              "." + std::to_string(probe.cuda_driver_version % 1000 / 10) + ", " +
              std::to_string(probe.devices.size()) + " GPU(s)",
          ""};
}

Check check_amd_driver(const MeterOptions& options) {
  AmdSmi::Failure failure;
  const std::shared_ptr<const AmdSmi> smi = open_amdsmi(options.sys_root, failure);
  if (smi != nullptr) {
    return {"AMD driver", Check::ok,
            "amdsmi " + smi->version() + ", " + std::to_string(smi->gpus().size()) + " GPU(s)", ""};
  }
  const MissingComponent problem = amdsmi_problem(failure);
  const bool accelerator = amd_gpu_on_pci(options.sys_root, true);
  return {"AMD driver", accelerator ? Check::fail : Check::warn, problem.reason, problem.fix};
}

Check check_gpu(const GpuDevice& gpu, const std::vector<Observation>& seen) {
  const std::string prefix = "gpu" + std::to_string(gpu.index) + "/";
  const Observation* energy = find(seen, prefix + "energy");
  const Observation* power = find(seen, prefix + "power");
  Check check{"GPU " + std::to_string(gpu.index) + " energy", Check::ok, gpu.name + ": ", ""};
  if (energy == nullptr && power == nullptr) {
    check.state = Check::fail;
    check.detail += "neither energy nor power can be read";
    return check;
  }
  if (energy == nullptr) {
    check.state = Check::warn;
    check.detail += "no energy counter, power is integrated: " + watts(power->mean_power_w()) +
                    milliseconds(power->update_period_s()) + averaging(power->domain);
    return check;
  }
  const std::optional<double> counted = energy->mean_power_w();
  check.detail += "counter " + watts(counted) + milliseconds(energy->update_period_s());
  if (energy->stuck()) {
    check.state = Check::fail;
    check.detail = gpu.name + ": the energy counter does not move";
  }
  const std::optional<double> polled = power == nullptr ? std::nullopt : power->mean_power_w();
  if (!counted || !polled || *polled <= 0) return check;
  check.detail += "; power " + watts(polled) + averaging(power->domain);
  if (std::abs(*counted / *polled - 1) > kTolerance) {
    check.state = Check::warn;
    check.detail += ": they disagree (the load may have changed meanwhile)";
  }
  return check;
}

bool measures(const std::vector<Observation>& seen, Component component) {
  return std::any_of(seen.begin(), seen.end(), [&](const Observation& o) {
    return o.domain.component == component && o.domain.kind != DomainKind::kEstimate;
  });
}

std::string observed(const Observation& o) {
  if (o.domain.kind == DomainKind::kEstimate) {
    return "estimated, ±" + std::to_string(std::lround(100 * o.domain.gain_uncertainty)) +
           " %: " + watts(o.mean_power_w());
  }
  // What changes more often than it was looked at has no period that can be told.
  const std::optional<double> period = o.update_period_s();
  const bool told = period && *period > 4e-9 * kPause;
  return sensor_text(o.domain) + ": " + watts(o.mean_power_w()) +
         (told ? milliseconds(period) : "") + averaging(o.domain);
}

/// CPU, memory or node: every sensor of the component, or the estimate with the reason for it.
Check check_component(const std::string& what, Component component,
                      const std::vector<Observation>& seen, const Discovery& rapl) {
  Check check{what, Check::ok, "", ""};
  for (const MissingComponent& missing : rapl.missing) {
    if (missing.component != component || measures(seen, component)) continue;
    check.state = missing.fix.empty() ? Check::warn : Check::fail;
    check.detail = missing.reason;
    check.fix = missing.fix;
  }
  for (const Observation& o : seen) {
    const bool energy = o.domain.unit == "J" || o.domain.unit == "W";
    if (o.domain.component != component || !energy) continue;
    const std::string text = observed(o);
    check.detail = check.detail.empty() ? text : text + "; " + check.detail;
    if (o.stuck()) {
      check.state = Check::fail;
      check.detail += ", but the counter does not move";
    }
  }
  return check;
}

/// The node's sensor is a cross-check: it cannot say less than the parts that it contains.
Check check_node(const std::vector<Observation>& seen, const Discovery& rapl) {
  Check check = check_component("node energy", Component::kNode, seen, rapl);
  double node = 0;
  double cpu = 0;
  for (const Observation& o : seen) {
    const bool measured_cpu =
        o.domain.component == Component::kCpu && o.domain.kind != DomainKind::kEstimate;
    if (o.domain.component != Component::kNode && !measured_cpu) continue;
    const std::optional<double> power = o.mean_power_w();
    if (!power) return check;  // sums with a gap cannot be compared
    (measured_cpu ? cpu : node) += *power;
  }
  if (check.state == Check::ok && node > 0 && cpu > node * (1 + kTolerance)) {
    check.state = Check::warn;
    check.detail += ": less than the " + watts(cpu) + " of the CPU alone; one of them is wrong";
  }
  return check;
}

/// Counters that were reset or jumped and reads that failed while the sensors were watched.
std::vector<Check> check_events(const std::vector<Meter*>& meters) {
  std::vector<Check> checks;
  for (Meter* meter : meters) {
    for (const TraceEvent& event : meter->take_events()) {
      const std::string sensor = event.data.is_object() ? event.data.value("sensor", "") : "";
      if (event.kind == "warning") {
        checks.push_back({meter->name(), Check::warn, event.data.value("text", ""), ""});
      } else if (event.kind == "sensor_error") {
        checks.push_back(
            {sensor, Check::warn, "a read failed: " + event.data.value("error", ""), ""});
      } else if (event.kind == "counter_reset" || event.kind == "counter_jump") {
        checks.push_back({sensor, Check::warn,
                          std::string("the counter ") +
                              (event.kind == "counter_reset" ? "began anew" : "jumped") +
                              " while it was watched: another program may reset it",
                          ""});
      }
    }
  }
  return checks;
}

/// What is known of network, disks and memory traffic.
Check check_activity(const MeterOptions& options) {
  ActivityMeter meter(options.sys_root, options.proc_root, options.perf);
  Check check{"network, disk, memory", Check::ok, "", ""};
  for (const Domain& domain : meter.discover().domains) {
    check.detail += (check.detail.empty() ? "" : ", ") + domain.name;
  }
  for (const TraceEvent& event : meter.take_events()) {
    check.detail += (check.detail.empty() ? "" : "; ") + std::string("no ") +
                    event.data.value("what", "") + ": " + event.data.value("reason", "");
    const std::string fix = event.data.value("fix", "");
    if (fix.empty()) continue;
    check.state = Check::warn;
    check.fix = fix;
  }
  return check;
}

}  // namespace

std::vector<Check> check_sensors(const MeterOptions& options, int64_t watch_ns) {
  const MeterSet set = discover_meters(options);
  std::vector<Meter*> meters;
  for (const auto& meter : set.meters) meters.push_back(meter.get());
  const std::vector<Observation> seen = observe(meters, watch_ns, kPause);
  const Discovery rapl = RaplMeter(options.sys_root, options.proc_root).discover();
  const GpuProbe probe = probe_gpus(options.sys_root);

  std::vector<Check> checks{check_driver(options, probe)};
  if (amd_gpu_on_pci(options.sys_root, false) || amdsmi_is_named()) {
    checks.push_back(check_amd_driver(options));
  }
  for (const GpuDevice& gpu : measurable_gpus(options.sys_root)) {
    const bool wanted =
        options.all_gpus || std::find(options.gpu_indices.begin(), options.gpu_indices.end(),
                                      gpu.index) != options.gpu_indices.end();
    if (wanted) checks.push_back(check_gpu(gpu, seen));
  }
  checks.push_back(check_component("CPU energy", Component::kCpu, seen, rapl));
  checks.push_back(check_component("memory energy", Component::kDram, seen, rapl));
  for (const auto& [what, component] : {std::pair{"disk energy", Component::kDisk},
                                        std::pair{"network energy", Component::kNetwork}}) {
    const Check check = check_component(what, component, seen, {});
    if (!check.detail.empty()) checks.push_back(check);
  }
  if (measures(seen, Component::kNode)) checks.push_back(check_node(seen, rapl));
  for (Check& check : check_events(meters)) checks.push_back(std::move(check));
  checks.push_back(check_activity(options));
  return checks;
}

}  // namespace aieb
