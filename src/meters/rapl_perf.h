#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "meters/energy_counter.h"
#include "meters/event_log.h"
#include "meters/meter.h"

namespace aieb {

/// The system calls behind perf events; a test puts others in their place.
struct PerfCalls {
  /// perf_event_open(2) for all processes on one CPU: a file descriptor, or −errno.
  std::function<int(uint32_t type, uint64_t config, int cpu)> open;
  /// The event's count since it was opened, or absent with the errno in `error`.
  std::function<std::optional<uint64_t>(int fd, int& error)> read;
  std::function<void(int fd)> close;
};
PerfCalls system_perf_calls();

/// One energy event of <sys_root>/bus/event_source/devices/power, on one CPU of each package (or
/// die).
struct PerfEnergyEvent {
  std::string name;  ///< "energy-pkg", "energy-ram", "energy-psys"
  uint32_t type = 0;
  uint64_t config = 0;
  double joules_per_count = 0;
  std::vector<int> cpus;
};

/// The events that this machine offers and whose files can be read; energy-cores and energy-gpu,
/// which are parts of the package, are left out.
std::vector<PerfEnergyEvent> list_perf_energy_events(const std::string& sys_root);

/// CPU and memory energy from the kernel's RAPL perf events (Intel; AMD packages since kernel 5.8).
/// The same registers as powercap, readable without root: with CAP_PERFMON (Linux 5.8) or
/// kernel.perf_event_paranoid ≤ 0. The kernel counts the registers' wraps.
///
/// Domains as RaplMeter's, under the meter "rapl-perf".
class RaplPerfMeter : public Meter {
 public:
  /// Only the given components are measured.
  RaplPerfMeter(std::string sys_root, std::vector<Component> components,
                PerfCalls calls = system_perf_calls());
  ~RaplPerfMeter() override;
  RaplPerfMeter(const RaplPerfMeter&) = delete;
  RaplPerfMeter& operator=(const RaplPerfMeter&) = delete;

  [[nodiscard]] std::string name() const override { return "rapl-perf"; }
  /// Missing: a component whose event exists and was refused, with the command that allows it.
  Discovery discover() override;
  [[nodiscard]] int64_t period_ns() const override { return 50'000'000; }
  void read(std::vector<Sample>& out) override;
  std::vector<TraceEvent> take_events() override { return log_.take(); }

 private:
  struct Sensor {
    int fd;
    double joules_per_count;
    std::string label;
    EnergyCounter counter;
  };
  void open_event(const PerfEnergyEvent& event);
  void add_sensor(const PerfEnergyEvent& event, int fd, const std::string& name, int index);

  std::string sys_root_;
  std::vector<Component> components_;
  PerfCalls calls_;
  bool discovered_ = false;
  Discovery discovery_;
  std::vector<Sensor> sensors_;
  EventLog log_;
};

}  // namespace aieb
