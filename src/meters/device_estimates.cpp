#include "meters/device_estimates.h"

#include <array>
#include <cstdio>
#include <cstdlib>

#include "core/clock.h"
#include "meters/estimates.h"
#include "meters/sysfs.h"

namespace aieb {
namespace {

/// Means over servers' disks that Shehabi et al., United States Data Center Energy Usage Report,
/// LBNL-1005775 (2016), project for 2020.
constexpr double kHardDisk_w = 6.5;
constexpr double kSolidState_w = 6;

/// A port by the rate of its link.
struct PortPower {
  double up_to_mbit;
  double watts;
  const char* rate;
};
/// 1 Gb/s: Intel's figure for the I350-T2, 4.4 W for two ports. 10 and 25 Gb/s: adapters measured
/// at the wall, jungle-it.blogspot.com, September 2023 (5 W; 9 to 10 W).
constexpr std::array kPorts{
    PortPower{1000, 2, "1 Gb/s"},
    PortPower{10'000, 5, "10 Gb/s"},
    PortPower{1e12, 10, "above 10 Gb/s"},
};
/// What a port of unknown rate, as in virtual machines, is taken for.
constexpr PortPower kUnknownPort = kPorts[1];

/// From a sleeping solid state disk to one that is written to without a pause.
constexpr double kUncertainty = 1.0;

constexpr const char* kOnlyAShare = "; virtual machine: the devices may be shared with others";

/// Whether a disk is one, and not a path to another or a corner of a memory card.
bool is_disk(const std::string& sys_root, const std::string& name) {
  const std::string disk = sys_root + "/block/" + name;
  if (!path_exists(disk + "/device") || read_number(disk + "/hidden").value == 1) return false;
  if (read_number(disk + "/size").value == 0) return false;  // a drive without its medium
  return name.find("boot") == std::string::npos && name.find("rpmb") == std::string::npos;
}

/// Whether a port has hardware of its own: a virtual function or its representor has another's.
bool is_port(const std::string& port) {
  if (!path_exists(port + "/device") || path_exists(port + "/device/physfn")) return false;
  if (read_file(port + "/phys_port_name").text.value_or("").find("vf") != std::string::npos) {
    return false;
  }
  return read_file(port + "/operstate").text.value_or("") != "down";
}

std::string at_watts(const std::string& what, double watts) {
  std::array<char, 32> number{};
  std::snprintf(number.data(), number.size(), "%g", watts);
  return what + " at " + number.data() + " W";
}

void append(std::string& basis, const std::string& part) {
  basis += (basis.empty() ? "" : ", ") + part;
}

const PortPower& port_power(double mbit_per_s) {
  if (mbit_per_s <= 0) return kUnknownPort;
  for (const PortPower& port : kPorts) {
    if (mbit_per_s <= port.up_to_mbit) return port;
  }
  return kPorts.back();
}

}  // namespace

DeviceEstimateMeter::Power DeviceEstimateMeter::disks(const std::string& sys_root) {
  int hard = 0;
  int solid = 0;
  for (const std::string& name : list_directory(sys_root + "/block")) {
    if (!is_disk(sys_root, name)) continue;
    const bool turns = read_number(sys_root + "/block/" + name + "/queue/rotational").value == 1;
    ++(turns ? hard : solid);
  }
  Power power{hard * kHardDisk_w + solid * kSolidState_w, ""};
  if (hard > 0) append(power.basis, at_watts(std::to_string(hard) + " hard disk(s)", kHardDisk_w));
  if (solid > 0) {
    append(power.basis, at_watts(std::to_string(solid) + " solid state disk(s)", kSolidState_w));
  }
  return power;
}

DeviceEstimateMeter::Power DeviceEstimateMeter::ports(const std::string& sys_root) {
  Power power;
  for (const std::string& name : list_directory(sys_root + "/class/net")) {
    const std::string port = sys_root + "/class/net/" + name;
    if (!is_port(port)) continue;
    const std::string rate = read_file(port + "/speed").text.value_or("");
    const double mbit_per_s = std::strtod(rate.c_str(), nullptr);
    const PortPower& of_port = port_power(mbit_per_s);
    power.watts += of_port.watts;
    const char* known = mbit_per_s > 0 ? "" : "rate not told, as if ";
    append(power.basis, at_watts(name + " (" + known + of_port.rate + ")", of_port.watts));
  }
  return power;
}

void DeviceEstimateMeter::add(Component component, const std::string& what, const Power& power) {
  if (power.basis.empty()) return;
  const auto id = static_cast<int>(discovery_.domains.size());
  discovery_.domains.push_back(
      estimate_domain(component, what, kUncertainty, "constant power: " + power.basis, ""));
  discovery_.domains.back().id = id;
  watts_.push_back(power.watts);
}

DeviceEstimateMeter::DeviceEstimateMeter(const std::string& sys_root,
                                         const std::string& proc_root) {
  add(Component::kDisk, "disk", disks(sys_root));
  add(Component::kNetwork, "network", ports(sys_root));
  if (!in_virtual_machine(proc_root)) return;
  for (Domain& domain : discovery_.domains) domain.note += kOnlyAShare;
}

void DeviceEstimateMeter::read(std::vector<Sample>& out) {
  const int64_t t_ns = now_ns();
  for (size_t i = 0; i < watts_.size(); ++i) out.push_back({static_cast<int>(i), t_ns, watts_[i]});
}

}  // namespace aieb
