#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "meters/meter.h"

namespace aieb {

/// A meter without the domains of some components, because another source measures these. What the
/// meter tells in events passes unchanged, and so do domains of component node that are no energy:
/// what the machine moved is not measured elsewhere.
class FilteredMeter : public Meter {
 public:
  FilteredMeter(std::unique_ptr<Meter> meter, const std::set<Component>& without);

  [[nodiscard]] std::string name() const override { return meter_->name(); }
  Discovery discover() override { return discovery_; }
  [[nodiscard]] int64_t period_ns() const override { return meter_->period_ns(); }
  void read(std::vector<Sample>& out) override;
  std::vector<TraceEvent> take_events() override { return meter_->take_events(); }

 private:
  std::unique_ptr<Meter> meter_;
  Discovery discovery_;
  std::vector<int> new_id_;  ///< by the meter's own domain; negative: left out
};

}  // namespace aieb
