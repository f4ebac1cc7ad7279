#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace aieb {

/// What of the kernel's file `gpu_metrics` of an AMD GPU is used here: what slows the GPU down, and
/// whether it is part of a CPU. (amdsmi's own function for the former blocks for 100 ms.)
///
/// The file begins with its size and two version numbers, which decide where things are. Format 1
/// is of separate GPUs: content 3 has a status of 64 bits that is the same for all models, 16 bits
/// each for power, current, temperature and others; contents 6 to 8 have counters of the time that
/// each limiter was active. Formats 2 and 3 are of graphics inside a CPU.
class AmdGpuMetrics {
 public:
  /// `path`: the file, /sys/bus/pci/devices/<id>/gpu_metrics.
  explicit AmdGpuMetrics(std::string path) : path_(std::move(path)) {}

  /// Graphics inside a CPU: what its sensors call the socket's power is the CPU's.
  [[nodiscard]] bool integrated() const;

  /// What limits the GPU now or did since the last call ("power_cap", "thermal", "current",
  /// "prochot", "memory_thermal", …); absent when the file or its version does not tell.
  std::optional<std::vector<std::string>> throttled_by();

 private:
  std::string path_;
  std::vector<uint32_t> residencies_;  ///< of the last call, by limiter
};

}  // namespace aieb
