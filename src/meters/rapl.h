#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "meters/energy_counter.h"
#include "meters/event_log.h"
#include "meters/meter.h"

namespace aieb {

/// One energy zone of <sys_root>/class/powercap.
struct RaplZone {
  std::string path;          ///< its directory
  std::string control_type;  ///< "intel-rapl" (MSR or TPMI), "intel-rapl-mmio"; AMD uses the first
  std::string name;          ///< as the kernel says: package-0, package-1-die-0, dram, psys, core
  std::string parent_name;   ///< of a subzone, else empty
};

/// All zones whose name can be read, subzones included, in order of their ids.
std::vector<RaplZone> list_rapl_zones(const std::string& sys_root);

/// CPU and memory energy from Linux powercap (Intel, and AMD since kernel 5.8).
///
/// Domains: "package-<n>" (component cpu), "dram-<n>" (dram) and, where the board has it, "psys"
/// (node: shown beside the total, never added). core and uncore are parts of the package and are
/// left out. A zone that appears twice (MSR and MMIO) counts once.
///
/// Registers change every 1 ms and wrap at max_energy_range_uj, 66 kJ to 262 kJ on known CPUs: more
/// than 30 s at 2 kW, so reading every `period_ns` (50 ms) sees every wrap.
class RaplMeter : public Meter {
 public:
  /// `sys_root` and `proc_root` stand for /sys and /proc.
  RaplMeter(std::string sys_root, std::string proc_root);

  [[nodiscard]] std::string name() const override { return "rapl"; }
  Discovery discover() override;
  [[nodiscard]] int64_t period_ns() const override { return 50'000'000; }
  void read(std::vector<Sample>& out) override;
  std::vector<TraceEvent> take_events() override { return log_.take(); }

 private:
  struct Sensor {
    std::string energy_path;
    std::string label;  ///< "rapl/package-0", for events
    EnergyCounter counter;
  };
  struct ZoneFailure {
    Component component;
    std::string path;
    int error;
  };
  void open_zones();
  void add_zone(const RaplZone& zone);
  void add_failure(const std::string& name, const ZoneFailure& failure);
  void add_missing(Component component, const std::string& reason, const std::string& fix);
  void explain_what_is_absent();

  std::string sys_root_;
  std::string proc_root_;
  bool discovered_ = false;
  Discovery discovery_;
  std::vector<Sensor> sensors_;
  EventLog log_;
};

}  // namespace aieb
