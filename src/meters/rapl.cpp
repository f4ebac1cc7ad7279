#include "meters/rapl.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include "core/clock.h"
#include "meters/rapl_domain.h"
#include "meters/sysfs.h"

namespace aieb {
namespace {

constexpr double kJoulesPerMicrojoule = 1e-6;
const RaplQuantity* kind_of(const std::string& zone_name) {
  const auto* it = std::find_if(
      std::begin(kRaplQuantities), std::end(kRaplQuantities),
      [&](const RaplQuantity& quantity) { return zone_name.rfind(quantity.zone, 0) == 0; });
  return it == std::end(kRaplQuantities) ? nullptr : it;
}

/// "package-1-die-0" → 1.
int package_index(const std::string& zone_name) {
  const size_t dash = zone_name.find('-');
  return dash == std::string::npos ? 0 : std::atoi(zone_name.c_str() + dash + 1);
}

/// The dram zone of package-1 is "dram-1": the kernel calls all of them "dram".
std::string domain_name(const RaplZone& zone) {
  if (zone.name != "dram") return zone.name;
  const size_t dash = zone.parent_name.find('-');
  return dash == std::string::npos ? "dram" : "dram" + zone.parent_name.substr(dash);
}

struct Absence {
  std::string reason;
  std::string fix;
};

Absence why_no_rapl(const std::string& sys_root, const std::string& proc_root) {
  const std::string directory = sys_root + "/class/powercap";
  const std::vector<std::string> entries = list_directory(directory);
  const bool hidden = std::any_of(entries.begin(), entries.end(), [](const std::string& id) {
    return id.rfind("intel-rapl:", 0) == 0;
  });
  if (hidden) {
    return {"the container runtime hides RAPL (" + directory + " leads nowhere)",
            "start the container with --security-opt systempaths=unconfined"};
  }
  if (in_virtual_machine(proc_root)) {
    return {"this is a virtual machine and its host passes no RAPL counters on", ""};
  }
  return {"no RAPL zones in " + directory, "sudo modprobe intel_rapl_msr"};
}

constexpr const char* kPermissionFix =
    "sudo chmod a+r /sys/class/powercap/intel-rapl*:*/energy_uj  # until the next boot; for good: "
    "echo 'SUBSYSTEM==\"powercap\", ACTION==\"add\", RUN+=\"/bin/chmod a+r %S%p/energy_uj\"' | "
    "sudo tee /etc/udev/rules.d/60-rapl.rules";

/// Paths of zones by id ("intel-rapl:0:1"). /sys lists them flat (as links) and nested; either will
/// do.
void find_zones(const std::string& directory, std::map<std::string, std::string>& paths) {
  for (const std::string& id : list_directory(directory)) {
    if (id.rfind("intel-rapl", 0) != 0) continue;
    const std::string path = directory + "/" + id;
    if (id.find(':') == std::string::npos || paths.emplace(id, path).second) {
      find_zones(path, paths);
    }
  }
}

std::string zone_name(const std::map<std::string, std::string>& paths, const std::string& id) {
  const auto it = paths.find(id);
  return it == paths.end() ? "" : read_file(it->second + "/name").text.value_or("");
}

}  // namespace

std::vector<RaplZone> list_rapl_zones(const std::string& sys_root) {
  std::map<std::string, std::string> paths;
  find_zones(sys_root + "/class/powercap", paths);
  std::vector<RaplZone> zones;
  for (const auto& [id, path] : paths) {
    RaplZone zone{path, id.substr(0, id.find(':')), zone_name(paths, id),
                  zone_name(paths, id.substr(0, id.rfind(':')))};
    if (!zone.name.empty()) zones.push_back(std::move(zone));
  }
  return zones;
}

RaplMeter::RaplMeter(std::string sys_root, std::string proc_root)
    : sys_root_(std::move(sys_root)), proc_root_(std::move(proc_root)) {}

Discovery RaplMeter::discover() {
  if (!discovered_) {
    discovered_ = true;
    open_zones();
    explain_what_is_absent();
  }
  return discovery_;
}

void RaplMeter::open_zones() {
  // The same package may be listed through MSR (or TPMI) and through MMIO: the first is preferred.
  std::vector<RaplZone> zones = list_rapl_zones(sys_root_);
  std::stable_sort(zones.begin(), zones.end(), [](const RaplZone& a, const RaplZone& b) {
    return a.control_type == "intel-rapl" && b.control_type != "intel-rapl";
  });
  std::map<std::string, ZoneFailure> failed;
  std::set<std::string> opened;
  for (const RaplZone& zone : zones) {
    const RaplQuantity* kind = kind_of(zone.name);
    const std::string name = domain_name(zone);
    if (kind == nullptr || opened.count(name) != 0) continue;
    const FileNumber energy = read_number(zone.path + "/energy_uj");
    if (energy.value) {
      add_zone(zone);
      opened.insert(name);
    } else {
      failed.emplace(name, ZoneFailure{kind->component, zone.path, energy.error});
    }
  }
  for (const auto& [name, failure] : failed) {
    if (opened.count(name) == 0) add_failure(name, failure);
  }
}

void RaplMeter::add_zone(const RaplZone& zone) {
  const double range_j =
      static_cast<double>(read_number(zone.path + "/max_energy_range_uj").value.value_or(0)) *
      kJoulesPerMicrojoule;
  const std::string name = domain_name(zone);
  sensors_.push_back(
      {zone.path + "/energy_uj", "rapl/" + name, EnergyCounter(range_j, kMostSocketPower)});
  Domain domain = rapl_domain(*kind_of(zone.name), "rapl", name,
                              package_index(zone.name == "dram" ? zone.parent_name : zone.name));
  domain.id = static_cast<int>(discovery_.domains.size());
  discovery_.domains.push_back(std::move(domain));
}

void RaplMeter::add_failure(const std::string& name, const ZoneFailure& failure) {
  if (failure.component == Component::kNode) return;  // a cross-check nobody misses
  const bool denied = failure.error == EACCES || failure.error == EPERM;
  add_missing(failure.component,
              name + ": " + failure.path + "/energy_uj: " + std::strerror(failure.error),
              denied ? kPermissionFix : "");
}

void RaplMeter::add_missing(Component component, const std::string& reason,
                            const std::string& fix) {
  discovery_.missing.push_back({component, "rapl", reason, fix});
}

/// Names the reason when this machine has no package (or no memory) zone at all.
void RaplMeter::explain_what_is_absent() {
  const auto known = [&](Component component) {
    const auto is = [&](const auto& entry) { return entry.component == component; };
    return std::any_of(discovery_.domains.begin(), discovery_.domains.end(), is) ||
           std::any_of(discovery_.missing.begin(), discovery_.missing.end(), is);
  };
  const bool has_cpu = known(Component::kCpu);
  const Absence absence =
      has_cpu ? Absence{"this CPU reports no memory energy (RAPL has no dram zone)", ""}
              : why_no_rapl(sys_root_, proc_root_);
  for (const Component component : {Component::kCpu, Component::kDram}) {
    if (!known(component)) add_missing(component, absence.reason, absence.fix);
  }
}

void RaplMeter::read(std::vector<Sample>& out) {
  for (size_t i = 0; i < sensors_.size(); ++i) {
    Sensor& sensor = sensors_[i];
    const FileNumber energy = read_number(sensor.energy_path);
    const int64_t t_ns = now_ns();
    if (!energy.value) {
      log_.failed(sensor.label, std::strerror(energy.error));
      continue;
    }
    log_.worked(sensor.label);
    const auto step =
        sensor.counter.add(static_cast<double>(*energy.value) * kJoulesPerMicrojoule, t_ns);
    log_.counter_step(sensor.label, step, sensor.counter);
    out.push_back({static_cast<int>(i), t_ns, sensor.counter.joules()});
  }
}

}  // namespace aieb
