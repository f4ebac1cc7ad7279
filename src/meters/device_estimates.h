#pragma once

#include <string>
#include <vector>

#include "meters/meter.h"

namespace aieb {

/// Power of the disks and of the network ports, which hardly anything measures and which hardly
/// follows the traffic: a constant for each device, by its kind. Domains "disk" and "network" of
/// meter "estimate", in watts; absent where there is no such device. The watts and where they come
/// from: docs/meters.md, "Estimates".
class DeviceEstimateMeter : public Meter {
 public:
  /// Looks at the devices once. A port that is down, and what has no hardware behind it (loop,
  /// dm, bridges), does not count; a removable disk that is plugged in later neither.
  DeviceEstimateMeter(const std::string& sys_root, const std::string& proc_root);

  [[nodiscard]] std::string name() const override { return "estimate"; }
  Discovery discover() override { return discovery_; }
  /// Short, although it is constant: what is watched live waits for the slowest.
  [[nodiscard]] int64_t period_ns() const override { return 100'000'000; }
  void read(std::vector<Sample>& out) override;

 private:
  struct Power {
    double watts = 0;
    std::string basis;  ///< the devices; empty: there is none
  };
  static Power disks(const std::string& sys_root);
  static Power ports(const std::string& sys_root);
  void add(Component component, const std::string& what, const Power& power);

  std::vector<double> watts_;  ///< by domain
  Discovery discovery_;
};

}  // namespace aieb
