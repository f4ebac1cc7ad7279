#pragma once

#include <cstdint>
#include <string_view>

namespace aieb {

/// Turns readings of a hardware energy register into monotone joules that start at 0.
///
/// A register that went down has wrapped when the energy this implies is possible at `max_power_w`,
/// else it was reset. A rise that is not possible is a jump (a glitch, or a register that another
/// device took over). After a reset or a jump counting goes on from the new reading; what was used
/// since the last one is unknown and not added, and the caller is told.
///
/// Any number of wraps is counted as long as no two fall between two readings. `kGap` says that
/// they may have: the time since the last reading sufficed for a full turn at `max_power_w`.
class EnergyCounter {
 public:
  enum class Step { kFirst, kAdvance, kWrap, kGap, kReset, kJump };

  /// `range_j`: where the register wraps to 0; 0 when it never does. `max_power_w`: more than the
  /// device can draw.
  EnergyCounter(double range_j, double max_power_w);

  Step add(double reading_j, int64_t t_ns);

  [[nodiscard]] double joules() const { return joules_; }
  [[nodiscard]] int64_t wraps() const { return wraps_; }

 private:
  double range_j_;
  double max_power_w_;
  double joules_ = 0;
  double last_reading_j_ = 0;
  int64_t last_t_ns_ = 0;
  int64_t wraps_ = 0;
  bool started_ = false;
};

/// Kind of the trace event that tells of a step: "counter_wrap", "counter_gap", "counter_reset",
/// "counter_jump"; empty for steps that need no event.
std::string_view event_kind(EnergyCounter::Step step);

}  // namespace aieb
