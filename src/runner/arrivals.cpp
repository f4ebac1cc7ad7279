#include "runner/arrivals.h"

#include <cmath>
#include <optional>

#include "core/clock.h"
#include "core/random.h"

namespace aieb {
namespace {

/// Numbers of requests that differ by less than this are equal: sums of decimal rates are not
/// exact.
constexpr double kSameCount = 1e-9;

/// Turns expected numbers of requests into times. Asked in ascending order.
class RateClock {
 public:
  explicit RateClock(const std::vector<RateStage>& stages) : stages_(stages) {}

  /// When `count` requests are expected to have arrived; absent after the last stage.
  std::optional<double> time_of(double count) {
    while (at_ < stages_.size() && count >= before_ + area(stages_[at_]) - kSameCount) {
      before_ += area(stages_[at_]);
      start_s_ += stages_[at_].duration_s;
      ++at_;
    }
    if (at_ == stages_.size()) return std::nullopt;
    const RateStage& stage = stages_[at_];
    const double wanted = std::max(0.0, count - before_);
    const double slope = (stage.to - stage.from) / stage.duration_s;
    const double root = stage.from * stage.from + 2 * slope * wanted;
    const double rate_sum = stage.from + std::sqrt(std::max(0.0, root));
    return start_s_ + (wanted > 0 ? 2 * wanted / rate_sum : 0);
  }

 private:
  static double area(const RateStage& stage) {
    return stage.duration_s * (stage.from + stage.to) / 2;
  }

  const std::vector<RateStage>& stages_;
  size_t at_ = 0;
  double start_s_ = 0;
  double before_ = 0;  ///< requests expected in the stages before
};

double gap(ArrivalKind kind, double shape, Random& random) {
  switch (kind) {
    case ArrivalKind::kConstant:
      return 1;
    case ArrivalKind::kPoisson:
      return random.exponential();
    case ArrivalKind::kGamma:
      return random.gamma(shape) / shape;
  }
  return 1;
}

}  // namespace

std::vector<int64_t> plan_arrivals(ArrivalKind kind, double gamma_shape,
                                   const std::vector<RateStage>& stages, size_t most,
                                   uint64_t seed) {
  Random random(seed);
  RateClock clock(stages);
  std::vector<int64_t> offsets;
  double count = kind == ArrivalKind::kConstant ? 0 : gap(kind, gamma_shape, random);
  while (offsets.size() < most) {
    const std::optional<double> time_s = clock.time_of(count);
    if (!time_s) break;
    offsets.push_back(nanoseconds(*time_s));
    count += gap(kind, gamma_shape, random);
  }
  return offsets;
}

}  // namespace aieb
