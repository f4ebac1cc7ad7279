#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/events.h"
#include "meters/meter.h"
#include "meters/rapl_perf.h"

namespace aieb {

/// What to measure, and where to look for it.
struct MeterOptions {
  std::string sys_root = "/sys";
  std::string proc_root = "/proc";
  std::vector<int> gpu_indices;  ///< of the GPUs that the run uses, as measurable_gpus counts
  bool all_gpus = false;         ///< every GPU of the machine instead
  std::vector<int> own_pids;     ///< processes of the workload besides this one (a local server's)
  bool local = true;             ///< false: the work happens on another machine
  std::string remote_reason;     ///< why it is taken to be remote; becomes the reason of `missing`
  bool activity = false;         ///< also what the machine moves over network, disks and memory
  PerfCalls perf = system_perf_calls();
};

struct MeterSet {
  std::vector<std::unique_ptr<Meter>> meters;
  std::vector<MissingComponent> missing;
};

/// The meters for a run, best source first for each component:
/// - gpu: the drivers' energy counters, power and state of the chosen GPUs; none chosen: nothing.
///   `all_gpus` on a machine without any GPU: nothing, and nothing is missing.
/// - cpu: RAPL packages by powercap, else by perf events, else hwmon, else an estimate from the
/// load.
/// - dram: in the same order, else an estimate from the size.
/// - node: RAPL's platform, else hwmon's; beside the total.
/// `missing` is complete: what single meters say in `discover` is already weighed. A component that
/// is only estimated is not missing; why there is no better source is in the note
/// of its domain. With `local = false` nothing is measured and all three components are missing.
MeterSet discover_meters(const MeterOptions& options);

}  // namespace aieb
