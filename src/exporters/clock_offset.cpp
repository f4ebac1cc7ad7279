#include "exporters/clock_offset.h"

#include <algorithm>

namespace aieb::exporters {
namespace {

/// Clocks that run freely drift apart by at most about 50 ppm; NTP slews by up to 500 ppm.
constexpr int64_t kDriftPerMillion = 500;

}  // namespace

bool ClockOffset::add(int64_t sent_ns, int64_t received_ns, int64_t low_ns, int64_t high_ns) {
  const int64_t low = low_ns - received_ns;
  const int64_t high = high_ns - sent_ns;
  const int64_t drift = std::max<int64_t>(0, received_ns - at_ns_) / 1'000'000 * kDriftPerMillion;
  at_ns_ = received_ns;
  const bool fits = !known_ || (low <= high_ns_ + drift && high >= low_ns_ - drift);
  if (known_ && fits) {
    low_ns_ = std::max(low, low_ns_ - drift);
    high_ns_ = std::min(high, high_ns_ + drift);
  } else {
    low_ns_ = low;
    high_ns_ = high;
  }
  known_ = true;
  return fits;
}

std::optional<ClockOffset::Estimate> ClockOffset::estimate() const {
  if (!known_) return std::nullopt;
  return Estimate{low_ns_ + (high_ns_ - low_ns_) / 2, (high_ns_ - low_ns_) / 2};
}

}  // namespace aieb::exporters
