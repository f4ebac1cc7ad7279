#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "meters/event_log.h"
#include "meters/meter.h"
#include "meters/perf_events.h"

namespace aieb {

/// Bytes that a device moved since it was set up, by what happened with them ("received", …).
using DeviceBytes = std::map<std::string, uint64_t>;

/// Network devices by name with "received" and "sent". Only those with hardware behind them count,
/// as bridges and tunnels pass on the same bytes; where there is none (a container), every one but
/// the loop back to the machine itself. Absent with `why` when /proc/net/dev cannot be read.
std::optional<std::map<std::string, DeviceBytes>> read_network(const std::string& proc_root,
                                                               const std::string& sys_root,
                                                               std::string& why);

/// Disks by name with "read" and "written", without partitions and without devices made of others
/// (dm, md, loop): these pass on the same bytes.
std::optional<std::map<std::string, DeviceBytes>> read_disks(const std::string& proc_root,
                                                             const std::string& sys_root,
                                                             std::string& why);

/// What the whole machine moved over its network, to and from its disks and its memory, in bytes
/// since the first reading. Domains of component node, counters in B that are no energy:
/// "network/received", "network/sent", "disk/read", "disk/written", and "memory/read" and
/// "memory/written" from the memory controllers' perf events (Intel) or "memory/total" from
/// resctrl. What cannot be read is told in the event "activity_missing" {what, reason, fix}.
///
/// A device that vanished or began anew adds nothing for that interval.
class ActivityMeter : public Meter {
 public:
  ActivityMeter(std::string sys_root, std::string proc_root, PerfCalls perf);
  ~ActivityMeter() override;
  ActivityMeter(const ActivityMeter&) = delete;
  ActivityMeter& operator=(const ActivityMeter&) = delete;

  [[nodiscard]] std::string name() const override { return "activity"; }
  Discovery discover() override;
  [[nodiscard]] int64_t period_ns() const override { return 1'000'000'000; }
  void read(std::vector<Sample>& out) override;
  std::vector<TraceEvent> take_events() override { return log_.take(); }

 private:
  /// The sum over the devices of one kind, by what happened with the bytes.
  struct Kind {
    std::string what;  ///< "network"
    std::optional<std::map<std::string, DeviceBytes>> (*read)(const std::string&,
                                                              const std::string&, std::string&);
    std::map<std::string, DeviceBytes> last;
    std::map<std::string, int> domains;  ///< by "received"
    std::map<std::string, double> sums;
  };
  struct MemoryEvent {
    int domain;
    double bytes_per_count;
    std::vector<int> fds;
  };
  int add_domain(const std::string& name, const std::string& note);
  void add_missing(const std::string& what, const std::string& reason, const std::string& fix);
  void open_kind(Kind& kind);
  void read_kind(Kind& kind, std::vector<Sample>& out);
  void open_memory();
  bool open_memory_event(const std::string& name, const std::vector<std::string>& pmus,
                         const char* event);
  void read_memory(std::vector<Sample>& out);
  [[nodiscard]] std::optional<double> resctrl_bytes() const;

  std::string sys_root_;
  std::string proc_root_;
  PerfCalls perf_;
  bool discovered_ = false;
  Discovery discovery_;
  std::vector<Kind> kinds_;
  std::vector<MemoryEvent> memory_;
  int refused_ = 0;             ///< errno of the last event that could not be opened
  std::optional<int> resctrl_;  ///< its domain
  double resctrl_start_ = 0;
  EventLog log_;
};

}  // namespace aieb
