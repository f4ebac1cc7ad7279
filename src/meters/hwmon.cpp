#include "meters/hwmon.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <map>
#include <utility>

#include "core/clock.h"
#include "meters/rapl_domain.h"
#include "meters/sysfs.h"

namespace aieb {
namespace {

constexpr double kPerMicro = 1e-6;
/// Where a device does not say over how long it averages.
constexpr int64_t kUsualInterval = 100'000'000;
/// Less than a socket's memory draws is within the error of the two powers that are subtracted.
constexpr double kByDifference = 0.5;
constexpr double kGain = 0.05;
constexpr double kPlatformGain = 0.10;

/// What a channel is of.
enum class Part {
  kSocket,            ///< the CPU as a whole
  kRail,              ///< a part of the CPU: all of them are added
  kSocketWithMemory,  ///< the CPU, its memory and what their regulators lose
  kModule,            ///< that and the GPU on the same module
  kPlatform,          ///< the machine
};

struct Rule {
  const char* driver;
  const char* label;  ///< how it begins
  bool energy;
  Part part;
};
constexpr std::array kRules{
    Rule{"amd_energy", "Esocket", true, Part::kSocket},
    Rule{"zenergy", "Esocket", true, Part::kSocket},
    Rule{"amd_hsmp_hwmon", "", false, Part::kSocket},
    Rule{"apm_xgene", "CPU power", false, Part::kRail},
    Rule{"apm_xgene", "IO power", false, Part::kRail},
    Rule{"power_meter", "CPU Power Socket", false, Part::kRail},
    Rule{"power_meter", "SysIO Power Socket", false, Part::kRail},
    Rule{"power_meter", "Grace Power Socket", false, Part::kSocketWithMemory},
    Rule{"power_meter", "Module Power Socket", false, Part::kModule},
};

std::optional<Part> part_of(const HwmonChannel& channel) {
  const auto it = std::find_if(kRules.begin(), kRules.end(), [&](const Rule& rule) {
    return channel.driver == rule.driver && channel.energy == rule.energy &&
           channel.label.rfind(rule.label, 0) == 0;
  });
  if (it != kRules.end()) return it->part;
  const bool plain = channel.driver == "power_meter" && channel.label.empty();
  return plain ? std::optional(Part::kPlatform) : std::nullopt;
}

/// "Esocket1", "CPU Power Socket 1" → 1; without a number `otherwise`.
int number_at_end(const std::string& label, int otherwise) {
  const size_t digits = label.find_last_not_of("0123456789") + 1;
  return digits < label.size() ? std::atoi(label.c_str() + digits) : otherwise;
}

/// A device's files lie beside its name, those of some drivers in the device behind it.
std::string folder_of(const std::string& device) {
  for (const std::string& name : list_directory(device + "/device")) {
    if (name.rfind("power1_average", 0) == 0) return device + "/device";
  }
  return device;
}

void add_channels(const std::string& device, std::vector<HwmonChannel>& out) {
  const std::string driver = read_file(device + "/name").text.value_or("");
  const std::string folder = folder_of(device);
  for (const std::string& file : list_directory(folder)) {
    const bool energy = file.rfind("energy", 0) == 0;
    const size_t end = file.find('_');
    const std::string kind = end == std::string::npos ? "" : file.substr(end);
    const bool power = file.rfind("power", 0) == 0 && (kind == "_average" || kind == "_input");
    if (!power && !(energy && kind == "_input")) continue;
    const std::string channel = folder + "/" + file.substr(0, end);
    HwmonChannel found{driver, energy, "", folder + "/" + file, 0};
    for (const char* text : {"_label", "_oem_info"}) {
      if (found.label.empty()) found.label = read_file(channel + text).text.value_or("");
    }
    constexpr int64_t kNsPerMs = 1'000'000;
    const FileNumber interval = read_number(channel + "_average_interval");
    found.interval_ns = static_cast<int64_t>(interval.value.value_or(0)) * kNsPerMs;
    out.push_back(std::move(found));
  }
}

}  // namespace

/// What one domain is made of.
struct HwmonMeter::Found {
  Component component = Component::kCpu;
  int index = 0;
  std::string name;
  bool energy = false;
  std::vector<Term> terms;
  int64_t interval_ns = 0;
  double gain = kGain;
  std::string note;
};

std::vector<HwmonChannel> list_hwmon_channels(const std::string& sys_root) {
  std::vector<HwmonChannel> channels;
  const std::string hwmon = sys_root + "/class/hwmon/";
  for (const std::string& device : list_directory(hwmon)) add_channels(hwmon + device, channels);
  return channels;
}

HwmonMeter::HwmonMeter(std::string sys_root, std::set<Component> wanted)
    : sys_root_(std::move(sys_root)), wanted_(std::move(wanted)) {}

namespace {

using Channels = std::vector<const HwmonChannel*>;
/// By part and then by socket.
using Parts = std::map<Part, std::map<int, Channels>>;

Parts sort_into_parts(const std::vector<HwmonChannel>& channels) {
  Parts parts;
  std::map<Part, int> unnumbered;
  for (const HwmonChannel& channel : channels) {
    const std::optional<Part> part = part_of(channel);
    if (!part) continue;
    // Rails without a number are of the one socket; devices without one are sockets in order.
    int number = number_at_end(channel.label, -1);
    if (number < 0) number = *part == Part::kRail ? 0 : unnumbered[*part]++;
    parts[*part][number].push_back(&channel);
  }
  return parts;
}

}  // namespace

HwmonMeter::Found HwmonMeter::made_of(Component component, int index, const char* name,
                                      const std::vector<const HwmonChannel*>& channels) {
  Found found;
  found.component = component;
  found.index = index;
  found.name = name + std::to_string(index);
  found.energy = channels.front()->energy;
  found.interval_ns = channels.front()->interval_ns;
  for (const HwmonChannel* channel : channels) found.terms.push_back({channel->value_path, 1});
  return found;
}

Discovery HwmonMeter::discover() {
  if (discovered_) return discovery_;
  discovered_ = true;
  const std::vector<HwmonChannel> channels = list_hwmon_channels(sys_root_);
  Parts parts = sort_into_parts(channels);
  for (auto& [index, of] : parts[Part::kSocket]) {
    // A counter is better than a power, and a machine may have both.
    const auto counter = std::find_if(of.begin(), of.end(),
                                      [](const HwmonChannel* channel) { return channel->energy; });
    const HwmonChannel* best = counter == of.end() ? of.front() : *counter;
    add(made_of(Component::kCpu, index, "socket-", {best}));
  }
  for (const auto& [index, rails] : parts[Part::kRail]) {
    if (parts[Part::kSocket].contains(index)) continue;
    Found cpu = made_of(Component::kCpu, index, "socket-", rails);
    cpu.note = "the sum of the CPU's rails";
    add(cpu);
  }
  for (const auto& [index, of] : parts[Part::kSocketWithMemory]) {
    add_memory(index, of, parts[Part::kRail][index]);
  }
  const bool modules = !parts[Part::kModule].empty();
  for (const auto& [index, of] : parts[modules ? Part::kModule : Part::kPlatform]) {
    Found node = made_of(Component::kNode, index, modules ? "module-" : "platform-", of);
    node.gain = modules ? kGain : kPlatformGain;
    node.note = modules ? "the module with GPU, CPU and memory" : "the machine's ACPI power meter";
    node.note += ": a cross-check, not part of the total";
    if (modules || index == 0) add(node);
  }
  return discovery_;
}

/// Of a socket with its memory: what it draws beyond the CPU's rails; all of it where these are
/// not known.
void HwmonMeter::add_memory(int index, const std::vector<const HwmonChannel*>& socket,
                            const std::vector<const HwmonChannel*>& rails) {
  if (rails.empty()) {
    Found cpu = made_of(Component::kCpu, index, "socket-", socket);
    cpu.note = "with its memory";
    add(cpu);
    memory_in_cpu_ = !sensors_.empty();
    return;
  }
  Found memory = made_of(Component::kDram, index, "dram-", socket);
  for (const HwmonChannel* rail : rails) memory.terms.push_back({rail->value_path, -1});
  memory.gain = kByDifference;
  memory.note = "what the socket draws beyond the CPU's rails: memory and conversion losses";
  add(memory);
}

void HwmonMeter::add(const Found& found) {
  if (!wanted_.contains(found.component)) return;
  for (const Term& term : found.terms) {
    const FileNumber value = read_number(term.path);
    if (value.value) continue;
    if (found.component == Component::kNode) return;  // a cross-check nobody misses
    const bool denied = value.error == EACCES || value.error == EPERM;
    discovery_.missing.push_back(
        {found.component, "hwmon",
         found.name + ": " + term.path + ": " + std::strerror(value.error),
         denied ? "sudo chmod a+r " + term.path + "  # until the next boot" : ""});
    return;
  }
  Domain domain;
  if (found.energy) {
    constexpr RaplQuantity kCounter{"", "", Component::kCpu, kGain, ""};
    domain = rapl_domain(kCounter, "hwmon", found.name, found.index);
  } else {
    domain.meter = "hwmon";
    domain.component = found.component;
    domain.index = found.index;
    domain.name = found.name;
    domain.kind = DomainKind::kGauge;
    domain.unit = "W";
    domain.resolution = kPerMicro;
    domain.averaging_ns = found.interval_ns;
    domain.update_period_ns = found.interval_ns > 0 ? found.interval_ns : kUsualInterval;
    domain.gain_uncertainty = found.gain;
  }
  domain.id = static_cast<int>(discovery_.domains.size());
  domain.note = found.note;
  sensors_.push_back({found.terms, "hwmon/" + found.name, std::nullopt});
  constexpr double kNeverWraps = 0;  // the drivers count on in 64 bits
  if (found.energy) sensors_.back().counter.emplace(kNeverWraps, kMostSocketPower);
  discovery_.domains.push_back(std::move(domain));
}

void HwmonMeter::read(std::vector<Sample>& out) {
  for (size_t i = 0; i < sensors_.size(); ++i) {
    Sensor& sensor = sensors_[i];
    double value = 0;
    int error = 0;
    for (const Term& term : sensor.terms) {
      const FileNumber number = read_number(term.path);
      if (!number.value) error = number.error;
      value += term.sign * static_cast<double>(number.value.value_or(0)) * kPerMicro;
    }
    const int64_t t_ns = now_ns();
    if (error != 0) {
      log_.failed(sensor.label, std::strerror(error));
      continue;
    }
    log_.worked(sensor.label);
    if (sensor.counter) {
      log_.counter_step(sensor.label, sensor.counter->add(value, t_ns), *sensor.counter);
      value = sensor.counter->joules();
    }
    out.push_back({static_cast<int>(i), t_ns, std::max(value, 0.0)});
  }
}

}  // namespace aieb
