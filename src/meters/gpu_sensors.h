#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/events.h"
#include "core/json.h"

namespace aieb {

/// A number, or why there is none.
struct GpuReading {
  std::optional<double> value;
  std::string error;
};

/// One of the ways in which a driver tells the power of a GPU, or of the module around it.
struct GpuPowerSource {
  std::function<GpuReading()> read_w;
  std::string what;          ///< the driver's name for it, e.g. "power.instant"
  int64_t averaging_ns = 0;  ///< see Domain
  double resolution_w = 1e-3;
};

/// Something of a GPU that is no energy: temperature, clocks, memory.
struct GpuState {
  std::string name;  ///< "temperature"; the domain is "gpu<i>/temperature"
  std::string unit;
  std::function<GpuReading()> read;
};

/// The energy counter of a GPU.
struct GpuCounter {
  double range_j = 0;  ///< where it wraps to 0; 0: never
  double resolution_j = 1e-3;
};

/// One GPU as its driver shows it. Readings may block for as long as the driver takes.
class GpuSensors {
 public:
  virtual ~GpuSensors() = default;

  /// The meter's name and the name of the GPU: "nvml", "NVIDIA H100 80GB HBM3".
  [[nodiscard]] virtual std::string meter() const = 0;
  [[nodiscard]] virtual int index() const = 0;
  [[nodiscard]] virtual std::string name() const = 0;

  /// Absent when the GPU has no counter that can be trusted.
  [[nodiscard]] virtual std::optional<GpuCounter> counter() const = 0;
  /// Why a counter that the GPU has is not trusted; empty: it has none, or it is.
  [[nodiscard]] virtual std::string why_no_counter() const { return ""; }
  [[nodiscard]] virtual GpuReading energy_j() const = 0;

  /// Best first.
  [[nodiscard]] virtual std::vector<GpuPowerSource> power_sources() const = 0;
  /// Power of the module that the GPU is soldered on together with a CPU, best first; empty for
  /// others. `module_index` tells modules apart: two GPUs may share one.
  [[nodiscard]] virtual std::vector<GpuPowerSource> module_power_sources() const { return {}; }
  [[nodiscard]] virtual int module_index() const { return index(); }

  [[nodiscard]] virtual std::vector<GpuState> states() const = 0;

  /// What it is: uuid, driver, power limit … for the event "gpu".
  [[nodiscard]] virtual Json about() const = 0;
  /// Why its energy cannot be split between the parts that it is divided into; empty if it is one.
  [[nodiscard]] virtual std::string why_not_split() const = 0;
  /// What holds its clocks down now; absent when that cannot be read.
  virtual std::optional<std::vector<std::string>> throttled_by() = 0;
  /// Processes that compute on it.
  [[nodiscard]] virtual std::vector<unsigned> processes() const = 0;
};

/// GPUs that were asked for, and what kept the others from being opened.
struct OpenedGpus {
  std::vector<std::shared_ptr<GpuSensors>> gpus;
  std::vector<MissingComponent> missing;
};

}  // namespace aieb
