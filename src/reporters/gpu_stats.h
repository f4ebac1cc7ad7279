#pragma once

#include "core/json.h"
#include "core/results.h"

namespace aieb {

/// {"gpu_0": {utilization_percent, memory_used_mb, …}, …}: the reference's keys, then ours. MB are
/// 1024² bytes, as nvidia-smi prints them. Unknown is null; no GPU is an empty object.
Json gpu_stats_json(const std::vector<GpuStats>& gpus);

/// The inverse. The energy's uncertainty comes back as its random part.
std::vector<GpuStats> gpu_stats_from(const Json& json);

}  // namespace aieb
