#pragma once

#include <memory>
#include <string>
#include <vector>

#include "meters/energy_counter.h"
#include "meters/event_log.h"
#include "meters/meter.h"
#include "meters/nvml_api.h"

namespace aieb {

/// An open GPU. Domain names begin with "gpu<index>/", notes hold `name`.
struct NvmlGpu {
  int index = 0;
  nvml::Device device = nullptr;
  std::string name;
};

/// "gpu<i>/energy": the driver's total-energy counter (Volta and newer), in joules since the first
/// read. A call takes about 4 ms, so there is one meter a GPU, read once a second and at marks.
class NvmlEnergyMeter : public Meter {
 public:
  NvmlEnergyMeter(std::shared_ptr<const Nvml> nvml, NvmlGpu gpu);

  [[nodiscard]] std::string name() const override { return "nvml"; }
  Discovery discover() override { return discovery_; }
  [[nodiscard]] int64_t period_ns() const override { return 1'000'000'000; }
  void read(std::vector<Sample>& out) override;
  std::vector<TraceEvent> take_events() override { return log_.take(); }

 private:
  std::shared_ptr<const Nvml> nvml_;
  NvmlGpu gpu_;
  Discovery discovery_;
  EnergyCounter counter_;
  EventLog log_;
};

/// "gpu<i>/power" of several GPUs in watts: the instant field where the driver has it, else the
/// average field, else nvmlDeviceGetPowerUsage.
class NvmlPowerMeter : public Meter {
 public:
  NvmlPowerMeter(std::shared_ptr<const Nvml> nvml, const std::vector<NvmlGpu>& gpus);

  [[nodiscard]] std::string name() const override { return "nvml"; }
  Discovery discover() override { return discovery_; }
  [[nodiscard]] int64_t period_ns() const override { return 50'000'000; }
  void read(std::vector<Sample>& out) override;
  std::vector<TraceEvent> take_events() override { return log_.take(); }

 private:
  using Reading = NvmlResult<double> (*)(const Nvml&, nvml::Device);
  struct Source {
    Reading read;
    const char* what;
    int64_t averaging_ns;  ///< see Domain; NVML: "power.average" is the mean of the last second
  };
  struct Sensor {
    nvml::Device device;
    Reading read;
    std::string label;
  };
  static const std::vector<Source>& sources();

  std::shared_ptr<const Nvml> nvml_;
  Discovery discovery_;
  std::vector<Sensor> sensors_;
  EventLog log_;
};

/// State of one GPU, not energy: "gpu<i>/utilization" (%), "/memory_used" and "/memory_total" (B),
/// "/temperature" (degC), "/sm_clock" (MHz), as far as this GPU tells. As events: "gpu" (what it
/// is), "throttle" (reasons, whenever they change), "gpu_shared" (processes other than `own_pids`
/// that compute on it), "mig" (instances share the GPU, so its energy cannot be split).
class NvmlStateMeter : public Meter {
 public:
  NvmlStateMeter(std::shared_ptr<const Nvml> nvml, NvmlGpu gpu, std::vector<int> own_pids);

  [[nodiscard]] std::string name() const override { return "nvml"; }
  Discovery discover() override { return discovery_; }
  [[nodiscard]] int64_t period_ns() const override { return 500'000'000; }
  void read(std::vector<Sample>& out) override;
  std::vector<TraceEvent> take_events() override { return log_.take(); }

 private:
  struct Row;
  static const std::vector<Row>& rows();
  void describe_gpu();
  void check_throttling();
  void check_processes();

  std::shared_ptr<const Nvml> nvml_;
  NvmlGpu gpu_;
  std::vector<int> own_pids_;
  Discovery discovery_;
  std::vector<const Row*> readable_;
  std::vector<std::string> labels_;
  std::vector<std::string> throttled_by_;
  std::vector<unsigned> others_;
  int64_t reads_ = 0;
  EventLog log_;
};

/// GPUs by NVML index (`all`: every one), and what kept the others from being opened.
struct OpenedGpus {
  std::vector<NvmlGpu> gpus;
  std::vector<MissingComponent> missing;
};
OpenedGpus open_gpus(const Nvml& nvml, const std::vector<int>& indices, bool all);

}  // namespace aieb
