#pragma once

#include <memory>
#include <string>
#include <vector>

#include "meters/amd_gpu_metrics.h"
#include "meters/amdsmi_api.h"
#include "meters/gpu_sensors.h"

namespace aieb {

/// An AMD GPU through amdsmi, and through the kernel's files for what amdsmi tells slowly
/// (throttling) or differently in every release (processes).
///
/// Energy: accumulator × resolution, once `validate_counters` has found it good. Power: of the
/// socket, current where the GPU has that (MI300 and newer), else the firmware's average. States as
/// NvmlGpu's, temperature being the hottest spot's where there is one.
class AmdGpu : public GpuSensors {
 public:
  AmdGpu(std::shared_ptr<const AmdSmi> smi, int index, amdsmi::Handle gpu, std::string sys_root);

  [[nodiscard]] std::string meter() const override { return "amdsmi"; }
  [[nodiscard]] int index() const override { return index_; }
  [[nodiscard]] std::string name() const override { return name_; }
  [[nodiscard]] std::optional<GpuCounter> counter() const override { return counter_; }
  [[nodiscard]] std::string why_no_counter() const override { return counter_problem_; }
  [[nodiscard]] GpuReading energy_j() const override;
  [[nodiscard]] std::vector<GpuPowerSource> power_sources() const override;
  [[nodiscard]] std::vector<GpuState> states() const override;
  [[nodiscard]] Json about() const override;
  [[nodiscard]] std::string why_not_split() const override;
  std::optional<std::vector<std::string>> throttled_by() override;
  [[nodiscard]] std::vector<unsigned> processes() const override;

  [[nodiscard]] bool integrated() const { return metrics_.integrated(); }
  [[nodiscard]] GpuReading power_w() const;

  /// What the counter said over a while in which the GPU drew `power_w` (absent: not known).
  void judge_counter(const AmdResult<amdsmi::Energy>& before,
                     const AmdResult<amdsmi::Energy>& after, double elapsed_s,
                     std::optional<double> power_w);
  [[nodiscard]] AmdResult<amdsmi::Energy> energy() const { return smi_->energy(gpu_); }

 private:
  [[nodiscard]] GpuReading reading(const AmdResult<double>& result) const;

  std::shared_ptr<const AmdSmi> smi_;
  int index_;
  amdsmi::Handle gpu_;
  std::string name_;
  std::string bus_id_;
  std::string sys_root_;
  AmdGpuMetrics metrics_;
  std::optional<GpuCounter> counter_;
  std::string counter_problem_;
};

/// Decides for all GPUs at once, in 40 ms, whether their energy counters can be trusted: they have
/// to move, and as fast as the power says within a factor of ten. Some parts and releases have
/// counters that stand still, and the second die of an MI250 always reads 0.
void validate_counters(const std::vector<std::shared_ptr<AmdGpu>>& gpus);

/// True when $AIEB_AMDSMI_LIBRARY names the library to load.
bool amdsmi_is_named();

/// Loads amdsmi where it can be of use: there is an AMD GPU on the PCI bus, or a library was named.
/// `failure` as of AmdSmi::open.
std::shared_ptr<const AmdSmi> open_amdsmi(const std::string& sys_root, AmdSmi::Failure& failure);

/// True when the PCI bus lists an AMD GPU; `accelerators_only`: one that drives no display.
bool amd_gpu_on_pci(const std::string& sys_root, bool accelerators_only);

/// What is wrong when `open_amdsmi` fails beside an AMD GPU, and what to do.
MissingComponent amdsmi_problem(const AmdSmi::Failure& failure);

/// Where AMD GPUs come from.
struct AmdGpuSource {
  std::shared_ptr<const AmdSmi> smi;
  int first_index = 0;  ///< of the library's first GPU
  std::string sys_root = "/sys";
  bool validate = true;  ///< with `validate_counters`; else they have none
};

/// AMD GPUs by index (`all`: every one but graphics inside a CPU).
OpenedGpus open_amd_gpus(const AmdGpuSource& source, const std::vector<int>& indices, bool all);

}  // namespace aieb
