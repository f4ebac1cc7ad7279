#pragma once

#include <string>
#include <vector>

#include "meters/energy_counter.h"
#include "meters/event_log.h"
#include "meters/meter.h"
#include "meters/perf_events.h"

namespace aieb {

/// The energy events of <sys_root>/bus/event_source/devices/power that this machine offers and
/// whose files can be read; energy-cores and energy-gpu, which are parts of the package, are left
/// out.
std::vector<PerfEvent> list_perf_energy_events(const std::string& sys_root);

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
  void open_event(const PerfEvent& event);
  void add_sensor(const PerfEvent& event, int fd, const std::string& name, int index);

  std::string sys_root_;
  std::vector<Component> components_;
  PerfCalls calls_;
  bool discovered_ = false;
  Discovery discovery_;
  std::vector<Sensor> sensors_;
  EventLog log_;
};

}  // namespace aieb
