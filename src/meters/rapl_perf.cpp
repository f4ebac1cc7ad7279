#include "meters/rapl_perf.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <optional>
#include <set>
#include <utility>

#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/clock.h"
#include "meters/cpu_list.h"
#include "meters/rapl_domain.h"
#include "meters/sysfs.h"

namespace aieb {
namespace {

constexpr const char* kPermissionFix =
    "sudo setcap cap_perfmon+ep \"$(command -v aieb)\"  # or, until the next boot: "
    "sudo sysctl kernel.perf_event_paranoid=0";

const RaplQuantity& kind_of(const PerfEnergyEvent& event) {
  return *std::find_if(std::begin(kRaplQuantities), std::end(kRaplQuantities),
                       [&](const RaplQuantity& quantity) { return event.name == quantity.event; });
}

/// "event=0x02" → 2. Other terms ("umask=…") are not used by this PMU.
std::optional<uint64_t> config_of(const std::string& text) {
  constexpr std::string_view kTerm = "event=0x";
  const size_t at = text.find(kTerm);
  if (at == std::string::npos) return std::nullopt;
  uint64_t value = 0;
  const char* begin = text.data() + at + kTerm.size();
  const auto [end, error] = std::from_chars(begin, text.data() + text.size(), value, 16);
  return error == std::errc() && end != begin ? std::optional(value) : std::nullopt;
}

int topology_of(const std::string& sys_root, int cpu, const char* file, int otherwise) {
  const FileNumber id =
      read_number(sys_root + "/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/" + file);
  return id.value ? static_cast<int>(*id.value) : otherwise;
}

}  // namespace

PerfCalls system_perf_calls() {
  PerfCalls calls;
  calls.open = [](uint32_t type, uint64_t config, int cpu) {
    perf_event_attr attributes{};
    attributes.size = sizeof(attributes);
    attributes.type = type;
    attributes.config = config;
    constexpr int kEveryProcess = -1;
    constexpr int kNoGroup = -1;
    const long fd = ::syscall(SYS_perf_event_open, &attributes, kEveryProcess, cpu, kNoGroup,
                              PERF_FLAG_FD_CLOEXEC);
    return fd < 0 ? -errno : static_cast<int>(fd);
  };
  calls.read = [](int fd, int& error) -> std::optional<uint64_t> {
    uint64_t count = 0;
    const ssize_t got = ::read(fd, &count, sizeof(count));
    if (got == static_cast<ssize_t>(sizeof(count))) return count;
    error = got < 0 ? errno : EIO;
    return std::nullopt;
  };
  calls.close = [](int fd) { ::close(fd); };
  return calls;
}

std::vector<PerfEnergyEvent> list_perf_energy_events(const std::string& sys_root) {
  const std::string pmu = sys_root + "/bus/event_source/devices/power/";
  const FileNumber type = read_number(pmu + "type");
  const FileText mask = read_file(pmu + "cpumask");
  std::vector<PerfEnergyEvent> events;
  if (!type.value || !mask.text) return events;
  for (const RaplQuantity& kind : kRaplQuantities) {
    const std::string file = pmu + "events/" + kind.event;
    const std::optional<uint64_t> config = config_of(read_file(file).text.value_or(""));
    const FileText scale = read_file(file + ".scale");
    const FileText unit = read_file(file + ".unit");
    if (!config || !scale.text || unit.text.value_or("") != "Joules") continue;
    const double joules = std::strtod(scale.text->c_str(), nullptr);
    if (joules <= 0) continue;
    events.push_back(
        {kind.event, static_cast<uint32_t>(*type.value), *config, joules, cpu_list(*mask.text)});
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
  for (const PerfEnergyEvent& event : list_perf_energy_events(sys_root_)) {
    const Component component = kind_of(event).component;
    if (std::find(components_.begin(), components_.end(), component) != components_.end()) {
      open_event(event);
    }
  }
  return discovery_;
}

/// The event on the CPU of each package; where a package has several dies, the later ones carry the
/// die in their name, as in powercap. Platform energy is one for all.
void RaplPerfMeter::open_event(const PerfEnergyEvent& event) {
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
           denied ? kPermissionFix : ""});
    }
  }
}

void RaplPerfMeter::add_sensor(const PerfEnergyEvent& event, int fd, const std::string& name,
                               int index) {
  constexpr double kNeverWraps = 0;
  sensors_.push_back({fd, event.joules_per_count, "rapl-perf/" + name,
                      EnergyCounter(kNeverWraps, kMostSocketPower)});
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
