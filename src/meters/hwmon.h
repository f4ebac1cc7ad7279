#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "meters/energy_counter.h"
#include "meters/event_log.h"
#include "meters/meter.h"

namespace aieb {

/// One energy or power value of a device in <sys_root>/class/hwmon.
struct HwmonChannel {
  std::string driver;  ///< the device's name: "amd_energy", "power_meter"
  bool energy = false;
  std::string label;        ///< as the driver or the firmware calls it; may be empty
  std::string value_path;   ///< microjoules or microwatts
  int64_t interval_ns = 0;  ///< over which a power is averaged, where the device says so
};

/// All channels in order of device and number.
std::vector<HwmonChannel> list_hwmon_channels(const std::string& sys_root);

/// CPU, memory and node from hwmon, for machines whose RAPL cannot be read or that have none:
/// - amd_energy, zenergy: a counter for each socket. Those of cores are parts of it.
/// - amd_hsmp_hwmon: the power of each socket.
/// - power_meter (ACPI) of NVIDIA Grace: cpu is the power of the CPU and SysIO rails, dram what the
///   socket ("Grace Power") draws beyond them, node the module with its GPU.
/// - power_meter without a label: the whole machine (node).
/// - apm_xgene: CPU and IO power, added.
///
/// Domains: "socket-<n>" (cpu), "dram-<n>", "module-<n>" or "platform-0" (node).
class HwmonMeter : public Meter {
 public:
  /// Only the given components are measured.
  HwmonMeter(std::string sys_root, std::set<Component> wanted);

  [[nodiscard]] std::string name() const override { return "hwmon"; }
  /// Missing: a component whose file exists and was refused, with the command that allows it.
  Discovery discover() override;
  /// After `discover`: the cpu domain includes the memory, which cannot be told from it.
  [[nodiscard]] bool memory_in_cpu() const { return memory_in_cpu_; }
  [[nodiscard]] int64_t period_ns() const override { return 100'000'000; }
  void read(std::vector<Sample>& out) override;
  std::vector<TraceEvent> take_events() override { return log_.take(); }

 private:
  /// Values that are added and subtracted: a CPU's rails, a socket less these.
  struct Term {
    std::string path;
    double sign;
  };
  struct Sensor {
    std::vector<Term> terms;
    std::string label;
    std::optional<EnergyCounter> counter;
  };
  struct Found;
  static Found made_of(Component component, int index, const char* name,
                       const std::vector<const HwmonChannel*>& channels);
  void add_memory(int index, const std::vector<const HwmonChannel*>& socket,
                  const std::vector<const HwmonChannel*>& rails);
  void add(const Found& found);

  std::string sys_root_;
  std::set<Component> wanted_;
  bool discovered_ = false;
  bool memory_in_cpu_ = false;
  Discovery discovery_;
  std::vector<Sensor> sensors_;
  EventLog log_;
};

}  // namespace aieb
