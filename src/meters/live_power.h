#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "core/events.h"

namespace aieb {

/// Power of the machine right now, for display: gpu + cpu + dram, each device from its counter over
/// the last half second or more (power gauges of GPUs see a quarter of the time only), else from
/// its power gauge or estimate. `node` is not added. Thread-safe.
class LivePower {
 public:
  /// Domains by their ids; call before `add`.
  void watch(const Domain& domain);
  void add(const std::vector<Sample>& samples);

  /// Watts; devices without a reading in the last 5 s are left out, absent when none is left.
  [[nodiscard]] std::optional<double> watts(int64_t now_ns) const;

 private:
  struct Source {
    std::pair<Component, int> device;
    DomainKind kind = DomainKind::kGauge;
    std::optional<Sample> last;  ///< of a counter: the start of the current half second
    std::optional<double> watts;
    int64_t t_ns = 0;
  };

  mutable std::mutex mutex_;
  std::map<int, Source> sources_;
};

}  // namespace aieb
