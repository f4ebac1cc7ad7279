#include "meters/rapl_perf.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <optional>
#include <set>
#include <utility>

#include "core/clock.h"
#include "meters/rapl_domain.h"
#include "meters/sysfs.h"

namespace aieb {
namespace {

const RaplQuantity& kind_of(const PerfEvent& event) {
  return *std::find_if(std::begin(kRaplQuantities), std::end(kRaplQuantities),
                       [&](const RaplQuantity& quantity) { return event.name == quantity.event; });
}

int topology_of(const std::string& sys_root, int cpu, const char* file, int otherwise) {
  const FileNumber id =
      read_number(sys_root + "/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/" + file);
  return id.value ? static_cast<int>(*id.value) : otherwise;
}

}  // namespace

std::vector<PerfEvent> list_perf_energy_events(const std::string& sys_root) {
  std::vector<PerfEvent> events;
  for (const RaplQuantity& kind : kRaplQuantities) {
    auto event = read_perf_event(sys_root + "/bus/event_source/devices/power", kind.event);
    if (event && event->unit == "Joules" && event->scale > 0) events.push_back(std::move(*event));
  }
  return events;
}

RaplPerfMeter::RaplPerfMeter(std::string sys_root, std::vector<Component> components,
                             PerfCalls calls)
    : sys_root_(std::move(sys_root)),
      components_(std::move(components)),
      calls_(std::move(calls)) {}

RaplPerfMeter::~RaplPerfMeter() {
  for (const Sensor& sensor : sensors_) calls_.close(sensor.fd);
}

Discovery RaplPerfMeter::discover() {
  if (discovered_) return discovery_;
  discovered_ = true;
  for (const PerfEvent& event : list_perf_energy_events(sys_root_)) {
    const Component component = kind_of(event).component;
    if (std::find(components_.begin(), components_.end(), component) != components_.end()) {
      open_event(event);
    }
  }
  return discovery_;
}

/// The event on the CPU of each package; where a package has several dies, the later ones carry the
/// die in their name, as in powercap. Platform energy is one for all.
void RaplPerfMeter::open_event(const PerfEvent& event) {
  const RaplQuantity& kind = kind_of(event);
  std::set<std::string> names;
  for (size_t i = 0; i < event.cpus.size(); ++i) {
    const int cpu = event.cpus[i];
    const bool platform = kind.component == Component::kNode;
    if (platform && i > 0) return;
    const int package = topology_of(sys_root_, cpu, "physical_package_id", static_cast<int>(i));
    std::string name = kind.zone;
    if (!platform) name += "-" + std::to_string(package);
    if (!names.insert(name).second) {
      name += "-die-" + std::to_string(topology_of(sys_root_, cpu, "die_id", static_cast<int>(i)));
    }
    const int fd = calls_.open(event.type, event.config, cpu);
    if (fd >= 0) {
      add_sensor(event, fd, name, platform ? 0 : package);
    } else if (!platform) {
      const bool denied = fd == -EACCES || fd == -EPERM;
      discovery_.missing.push_back(
          {kind.component, "rapl-perf",
           name + ": perf event power/" + event.name + "/: " + std::strerror(-fd),
           denied ? kPerfPermissionFix : ""});
    }
  }
}

void RaplPerfMeter::add_sensor(const PerfEvent& event, int fd, const std::string& name, int index) {
  constexpr double kNeverWraps = 0;
  sensors_.push_back(
      {fd, event.scale, "rapl-perf/" + name, EnergyCounter(kNeverWraps, kMostSocketPower)});
  Domain domain = rapl_domain(kind_of(event), "rapl-perf", name, index);
  domain.id = static_cast<int>(discovery_.domains.size());
  discovery_.domains.push_back(std::move(domain));
}

void RaplPerfMeter::read(std::vector<Sample>& out) {
  for (size_t i = 0; i < sensors_.size(); ++i) {
    Sensor& sensor = sensors_[i];
    int error = 0;
    const std::optional<uint64_t> count = calls_.read(sensor.fd, error);
    const int64_t t_ns = now_ns();
    if (!count) {
      log_.failed(sensor.label, std::strerror(error));
      continue;
    }
    log_.worked(sensor.label);
    const auto step =
        sensor.counter.add(static_cast<double>(*count) * sensor.joules_per_count, t_ns);
    log_.counter_step(sensor.label, step, sensor.counter);
    out.push_back({static_cast<int>(i), t_ns, sensor.counter.joules()});
  }
}

}  // namespace aieb
