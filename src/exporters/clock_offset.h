#pragma once

#include <cstdint>
#include <optional>

namespace aieb::exporters {

/// How another machine's clock stands to ours, from bounds that each exchange gives.
///
/// A clock that was read at some moment between `sent` and `received` (our time) and showed
/// something in [low, high] differs from ours by between low − received and high − sent. The true
/// difference lies in all such intervals, so their intersection is kept: many coarse bounds make a
/// fine one. Between exchanges the interval widens by what clocks drift.
class ClockOffset {
 public:
  struct Estimate {
    int64_t offset_ns = 0;      ///< the other clock minus ours: the middle of what is possible
    int64_t half_width_ns = 0;  ///< it is off by this at most
  };

  /// False: no difference fits all that was seen, so that clock was set meanwhile; what was known
  /// is forgotten and this exchange is a new beginning.
  bool add(int64_t sent_ns, int64_t received_ns, int64_t low_ns, int64_t high_ns);

  [[nodiscard]] std::optional<Estimate> estimate() const;

 private:
  bool known_ = false;
  int64_t low_ns_ = 0;
  int64_t high_ns_ = 0;
  int64_t at_ns_ = 0;
};

}  // namespace aieb::exporters
