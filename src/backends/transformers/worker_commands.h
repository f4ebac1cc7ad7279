#pragma once

#include <span>
#include <string>
#include <vector>

#include "config/config.h"
#include "core/json.h"
#include "core/request.h"
#include "meters/gpu_probe.h"

namespace aieb {

/// The GPUs of a run, in the order in which the worker counts them.
struct WorkerGpus {
  std::vector<int> indices;  ///< nvidia-smi's numbers; empty: the CPU
  std::string visible;       ///< the worker's CUDA_VISIBLE_DEVICES
};

/// From `device`, `device_map` and `device_ids`. Without a device map one GPU, else all that are
/// named. Throws EnvironmentError when a GPU is asked for and is not there.
WorkerGpus choose_gpus(const BackendConfig& config, const GpuProbe& probe);

/// The command `load`. GPU numbers of `device_map` and `max_memory` become the worker's. Throws
/// ConfigError for a GPU that is not among `gpus`.
Json load_command(const BenchmarkConfig& config, const std::vector<int>& gpus);

/// The command `run` for requests that are answered together; they share all settings but their
/// lengths. Throws ConfigError for settings that contradict each other.
Json run_command(int64_t batch, std::span<const Request> requests, const BenchmarkConfig& config);

/// Python packages that the configuration needs, as pip names them.
std::vector<std::string> needed_packages(const BackendConfig& config);

}  // namespace aieb
