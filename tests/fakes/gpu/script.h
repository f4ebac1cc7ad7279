#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace fake_gpu {

/// A value that holds from a time on.
struct Step {
  double from_s = 0;
  double value = 0;
};

/// Calls of one kind that fail in [from_s, until_s).
struct Fault {
  double from_s = 0;
  double until_s = 0;
  int code = 0;
};

struct Gpu {
  std::string name = "NVIDIA Fake GPU";
  std::vector<Step> power_w{{0, 50}};
  std::vector<Step> throttle;
  std::vector<double> resets_s;                      ///< the energy counter starts again at 0
  std::map<std::string, std::vector<Fault>> faults;  ///< by call: energy, field, power, handle, …
  std::map<std::string, double> cost_ms;             ///< by call: how long it blocks
  std::vector<unsigned> pids;
  double period_s = 0.1;     ///< the energy counter moves this often
  double start_mj = 123456;  ///< what it holds at time 0
  double utilization = 0;
  std::vector<Step> temperature{{0, 40}};
  double sm_clock = 1980;
  double memory_used = 1e9;
  double memory_total = 80e9;
  bool mig = false;
  std::vector<std::string> mig_instances;
  double memory_power_w = -1;  ///< negative: not told, as the next
  double module_power_w = -1;
  std::string bus_id;  ///< "0000:41:00.0"
  // Of AMD's only:
  double microjoules_per_count = 15.259;
  double counts_wrap = 0;   ///< the counter's range in counts; 0: 64 bits
  double counter_gain = 1;  ///< how much faster the counter runs than the power says
  bool has_current_power = true;
  std::string partition = "SPX";
};

struct Script {
  std::string driver = "580.159.04";
  int cuda = 13000;
  int init_code = 0;
  unsigned library_version = 26;  ///< amdsmi's major version
  std::vector<Gpu> gpus;
};

/// One statement a line, `#` starts a comment:
///   driver VERSION | cuda NUMBER | init_error CODE | gpus COUNT | library_version MAJOR
///   gpu I name TEXT… | power FROM_S WATTS | reset AT_S | lost FROM_S | pid PID | mig [INSTANCE…]
///         | no_counter | no_fields | fail CALL FROM_S CODE [UNTIL_S] | cost CALL MS | period MS
///         | throttle FROM_S BITS | utilization X | temperature [FROM_S] X | sm_clock X |
///         memory_used X | memory_power WATTS | module_power WATTS | bus_id ID
///   and of AMD's: start_mj X | microjoules_per_count X | counts_wrap COUNTS | counter_gain X |
///         average_power_only | partition NAME
/// Throws std::runtime_error naming the line that it does not understand.
Script read_script(const std::string& path);

/// The value in force at a time; `otherwise` before the first step.
double value_at(const std::vector<Step>& steps, double t_s, double otherwise);

/// What the energy counter shows: joules integrated up to the last update, since the last reset.
uint64_t energy_mj(const Gpu& gpu, double t_s);

/// The code that a call returns at a time; 0 when it works.
int fault_at(const Gpu& gpu, const std::string& call, double t_s);

}  // namespace fake_gpu
