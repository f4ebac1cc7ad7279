#include "meters/self_check.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

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
                    milliseconds(power->update_period_s());
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
  check.detail += "; power " + watts(polled);
  if (std::abs(*counted / *polled - 1) > kTolerance) {
    check.state = Check::warn;
    check.detail += ": they disagree (the load may have changed meanwhile)";
  }
  return check;
}

/// CPU or memory: every RAPL zone of the component, or the estimate with the reason for it.
Check check_component(const std::string& what, Component component,
                      const std::vector<Observation>& seen, const Discovery& rapl) {
  Check check{what, Check::ok, "", ""};
  for (const MissingComponent& missing : rapl.missing) {
    if (missing.component != component) continue;
    check.state = missing.fix.empty() ? Check::warn : Check::fail;
    check.detail = missing.reason;
    check.fix = missing.fix;
  }
  for (const Observation& o : seen) {
    if (o.domain.component != component) continue;
    const bool estimate = o.domain.kind == DomainKind::kEstimate;
    const std::string text =
        (estimate
             ? "estimated, ±" + std::to_string(std::lround(100 * o.domain.gain_uncertainty)) + " %"
             : "RAPL " + o.domain.name) +
        ": " + watts(o.mean_power_w());
    check.detail = check.detail.empty() ? text : text + "; " + check.detail;
    if (o.stuck()) {
      check.state = Check::fail;
      check.detail += ", but the counter does not move";
    }
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
  return checks;
}

}  // namespace aieb
