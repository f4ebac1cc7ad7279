#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

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

/// What allows an ordinary user to open events of a whole CPU.
constexpr const char* kPerfPermissionFix =
    "sudo setcap cap_perfmon+ep \"$(command -v aieb)\"  # or, until the next boot: "
    "sudo sysctl kernel.perf_event_paranoid=0";

/// An event that a PMU in <sys_root>/bus/event_source/devices names, with what turns its counts
/// into its unit and the CPUs (one of each package or die) on which it is to be opened.
struct PerfEvent {
  std::string name;
  uint32_t type = 0;
  uint64_t config = 0;
  double scale = 1;
  std::string unit;
  std::vector<int> cpus;
};

/// Absent when the PMU has no such event or it cannot be understood: terms other than `event` (the
/// lowest 8 bits) and `umask` (the next 8), which all known energy and memory events have.
std::optional<PerfEvent> read_perf_event(const std::string& pmu_path, const std::string& name);

}  // namespace aieb
