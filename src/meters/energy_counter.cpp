#include "meters/energy_counter.h"

#include <algorithm>

#include "core/clock.h"

namespace aieb {
namespace {

/// Readings closer together than this are judged as if they were this far apart, so that the
/// register's own update period and a late time stamp never look like a jump.
constexpr double kMinInterval = 1.0;

}  // namespace

EnergyCounter::EnergyCounter(double range_j, double max_power_w)
    : range_j_(range_j), max_power_w_(max_power_w) {}

EnergyCounter::Step EnergyCounter::add(double reading_j, int64_t t_ns) {
  const double elapsed = seconds(t_ns - last_t_ns_);
  const double rise = reading_j - last_reading_j_;
  const bool first = !started_;
  started_ = true;
  last_reading_j_ = reading_j;
  last_t_ns_ = t_ns;
  if (first) return Step::kFirst;

  const bool wrapped = rise < 0 && range_j_ > 0;
  const double used = wrapped ? rise + range_j_ : rise;
  if (used < 0) return Step::kReset;
  if (used > max_power_w_ * std::max(elapsed, kMinInterval)) {
    return rise < 0 ? Step::kReset : Step::kJump;
  }
  joules_ += used;
  wraps_ += wrapped ? 1 : 0;
  if (range_j_ > 0 && elapsed > kMinInterval && elapsed * max_power_w_ >= range_j_) {
    return Step::kGap;
  }
  return wrapped ? Step::kWrap : Step::kAdvance;
}

std::string_view event_kind(EnergyCounter::Step step) {
  switch (step) {
    case EnergyCounter::Step::kWrap:
      return "counter_wrap";
    case EnergyCounter::Step::kGap:
      return "counter_gap";
    case EnergyCounter::Step::kReset:
      return "counter_reset";
    case EnergyCounter::Step::kJump:
      return "counter_jump";
    case EnergyCounter::Step::kFirst:
    case EnergyCounter::Step::kAdvance:
      break;
  }
  return "";
}

}  // namespace aieb
