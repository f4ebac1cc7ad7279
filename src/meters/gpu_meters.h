#pragma once

#include <memory>
#include <string>
#include <vector>

#include "meters/energy_counter.h"
#include "meters/event_log.h"
#include "meters/gpu_sensors.h"
#include "meters/meter.h"

namespace aieb {

/// "gpu<i>/energy": a GPU's energy counter in joules since the first read. A call may take
/// milliseconds of the driver's time, so there is one meter a GPU, read once a second and at marks.
class GpuEnergyMeter : public Meter {
 public:
  explicit GpuEnergyMeter(std::shared_ptr<const GpuSensors> gpu);

  [[nodiscard]] std::string name() const override { return gpu_->meter(); }
  Discovery discover() override { return discovery_; }
  [[nodiscard]] int64_t period_ns() const override { return 1'000'000'000; }
  void read(std::vector<Sample>& out) override;
  std::vector<TraceEvent> take_events() override { return log_.take(); }

 private:
  std::shared_ptr<const GpuSensors> gpu_;
  Discovery discovery_;
  EnergyCounter counter_;
  EventLog log_;
};

/// "gpu<i>/power" of several GPUs of one driver in watts, each by its best power source that works,
/// and "module<m>/power" (component node) where a GPU and a CPU share a module.
class GpuPowerMeter : public Meter {
 public:
  explicit GpuPowerMeter(const std::vector<std::shared_ptr<GpuSensors>>& gpus);

  [[nodiscard]] std::string name() const override { return name_; }
  Discovery discover() override { return discovery_; }
  [[nodiscard]] int64_t period_ns() const override { return 50'000'000; }
  void read(std::vector<Sample>& out) override;
  std::vector<TraceEvent> take_events() override { return log_.take(); }

 private:
  struct Sensor {
    GpuPowerSource source;
    std::string label;
  };
  void add_gpu(const GpuSensors& gpu);
  void add_module(const GpuSensors& gpu);
  void add(Domain domain, const GpuPowerSource& source);

  std::string name_;
  Discovery discovery_;
  std::vector<Sensor> sensors_;
  EventLog log_;
};

/// State of one GPU, not energy: what GpuSensors::states lists and this GPU can tell. As events:
/// "gpu" (what it is), "throttle" (reasons, whenever they change), "gpu_shared" (processes other
/// than `own_pids` that compute on it), "mig" (it is divided, and its energy cannot be).
class GpuStateMeter : public Meter {
 public:
  GpuStateMeter(std::shared_ptr<GpuSensors> gpu, std::vector<int> own_pids);

  [[nodiscard]] std::string name() const override { return gpu_->meter(); }
  Discovery discover() override { return discovery_; }
  [[nodiscard]] int64_t period_ns() const override { return 500'000'000; }
  void read(std::vector<Sample>& out) override;
  std::vector<TraceEvent> take_events() override { return log_.take(); }

 private:
  void describe_gpu();
  void check_throttling();
  void check_processes();

  std::shared_ptr<GpuSensors> gpu_;
  std::vector<int> own_pids_;
  Discovery discovery_;
  std::vector<GpuState> readable_;
  std::vector<std::string> labels_;
  std::vector<std::string> throttled_by_;
  std::vector<unsigned> others_;
  int64_t reads_ = 0;
  EventLog log_;
};

}  // namespace aieb
