#include "analysis/token_energy.h"

#include <algorithm>
#include <cmath>

#include "core/clock.h"

namespace aieb {
namespace {

constexpr int64_t kMinIntervals = 20;
constexpr int64_t kMaxIntervals = 400;
constexpr double kMinIntervalS = 0.1;
constexpr double kPeriodsPerInterval =
    4;  ///< keeps the error of the edges small against the energy
constexpr double kMaxRelativeUncertainty = 0.5;

/// One interval: the tokens computed in it, and the energy above idle.
struct Interval {
  double prompt_tokens = 0;
  double output_tokens = 0;
  double energy_j = 0;
};

/// Intervals of one length laid over the windows; what remains of a window is left out.
class Grid {
 public:
  Grid(std::span<const TimeSpan> windows, int64_t length_ns) : length_ns_(length_ns) {
    for (const TimeSpan& window : windows) {
      const int64_t count = (window.end_ns - window.start_ns) / length_ns_;
      if (count <= 0) continue;
      rows_.push_back({window.start_ns, count, intervals_.size()});
      intervals_.resize(intervals_.size() + static_cast<size_t>(count));
    }
  }

  void add_energy(const EnergyCurve& curve, double baseline_w) {
    for (const Row& row : rows_) {
      double before = curve.at(row.start_ns);
      for (int64_t i = 0; i < row.count; ++i) {
        const double after = curve.at(row.start_ns + (i + 1) * length_ns_);
        intervals_[row.first + static_cast<size_t>(i)].energy_j +=
            after - before - baseline_w * seconds(length_ns_);
        before = after;
      }
    }
  }

  void add_tokens(const Stage& stage, double Interval::* tokens) {
    if (stage.tokens <= 0 || stage.span.end_ns <= stage.span.start_ns) return;
    const double per_ns =
        stage.tokens / static_cast<double>(stage.span.end_ns - stage.span.start_ns);
    for (const Row& row : rows_) {
      const int64_t from = std::max(stage.span.start_ns, row.start_ns);
      const int64_t to = std::min(stage.span.end_ns, row.start_ns + row.count * length_ns_);
      for (int64_t t = from; t < to;) {
        const int64_t i = (t - row.start_ns) / length_ns_;
        const int64_t end = std::min(to, row.start_ns + (i + 1) * length_ns_);
        intervals_[row.first + static_cast<size_t>(i)].*tokens +=
            per_ns * static_cast<double>(end - t);
        t = end;
      }
    }
  }

  [[nodiscard]] const std::vector<Interval>& intervals() const { return intervals_; }

 private:
  struct Row {
    int64_t start_ns = 0;
    int64_t count = 0;
    size_t first = 0;  ///< index of its first interval
  };
  int64_t length_ns_;
  std::vector<Row> rows_;
  std::vector<Interval> intervals_;
};

/// A symmetric 2 × 2 matrix.
struct Symmetric2 {
  double pp = 0;
  double pd = 0;
  double dd = 0;

  [[nodiscard]] double determinant() const { return pp * dd - pd * pd; }
};

/// Score of an interval: its regressors times its residual.
struct Score {
  double p = 0;
  double d = 0;
};

Symmetric2 normal_matrix(std::span<const Interval> intervals) {
  Symmetric2 m;
  for (const Interval& i : intervals) {
    m.pp += i.prompt_tokens * i.prompt_tokens;
    m.pd += i.prompt_tokens * i.output_tokens;
    m.dd += i.output_tokens * i.output_tokens;
  }
  return m;
}

/// Long-run covariance of the scores with Bartlett weights; the lag is Newey and West's rule.
Symmetric2 long_run_covariance(std::span<const Score> scores) {
  const double n = static_cast<double>(scores.size());
  const auto lags = static_cast<size_t>(4 * std::pow(n / 100, 2.0 / 9));
  Symmetric2 s;
  for (size_t lag = 0; lag <= lags && lag < scores.size(); ++lag) {
    const double weight =
        (lag == 0 ? 0.5 : 1 - static_cast<double>(lag) / static_cast<double>(lags + 1));
    for (size_t i = lag; i < scores.size(); ++i) {
      const Score& a = scores[i];
      const Score& b = scores[i - lag];
      s.pp += weight * 2 * a.p * b.p;
      s.pd += weight * (a.p * b.d + a.d * b.p);
      s.dd += weight * 2 * a.d * b.d;
    }
  }
  return s;
}

std::optional<TokenEnergy> fit(std::span<const Interval> intervals) {
  const Symmetric2 m = normal_matrix(intervals);
  const double det = m.determinant();
  if (det <= 1e-9 * m.pp * m.dd) return std::nullopt;
  double pe = 0;
  double de = 0;
  for (const Interval& i : intervals) {
    pe += i.prompt_tokens * i.energy_j;
    de += i.output_tokens * i.energy_j;
  }
  TokenEnergy out;
  out.intervals = intervals.size();
  out.prefill_j = (m.dd * pe - m.pd * de) / det;
  out.decode_j = (m.pp * de - m.pd * pe) / det;
  std::vector<Score> scores;
  scores.reserve(intervals.size());
  for (const Interval& i : intervals) {
    const double residual =
        i.energy_j - out.prefill_j * i.prompt_tokens - out.decode_j * i.output_tokens;
    scores.push_back({i.prompt_tokens * residual, i.output_tokens * residual});
  }
  const Symmetric2 s = long_run_covariance(scores);
  // Rows of the inverse of m, then the diagonal of m⁻¹ s m⁻¹.
  const auto variance = [&](double p, double d) {
    return (p * p * s.pp + 2 * p * d * s.pd + d * d * s.dd) / (det * det);
  };
  out.prefill_se = std::sqrt(std::max(0.0, variance(m.dd, -m.pd)));
  out.decode_se = std::sqrt(std::max(0.0, variance(-m.pd, m.pp)));
  return out;
}

bool well_known(double value, double se) {
  return value > 0 && 2 * se <= kMaxRelativeUncertainty * value;
}

LearntTokenEnergy nothing(std::string reason) { return {std::nullopt, std::move(reason)}; }

/// Length of an interval in ns; absent if the windows do not hold enough of them.
std::optional<int64_t> interval_length(std::span<const TimeSpan> windows, double period_s) {
  int64_t total = 0;
  for (const TimeSpan& window : windows) total += window.end_ns - window.start_ns;
  const int64_t shortest = nanoseconds(std::max(kMinIntervalS, kPeriodsPerInterval * period_s));
  const int64_t length = std::max(shortest, total / kMaxIntervals);
  return total / length >= kMinIntervals ? std::optional(length) : std::nullopt;
}

}  // namespace

bool in_total(const DomainEnergy& domain, const WindowEnergy& measured) {
  if (!in_total(domain.domain.component)) return false;
  const auto it = measured.domains.find(label_of(domain.domain));
  return it != measured.domains.end() && it->second.gross.known();
}

LearntTokenEnergy learn_token_energy(const EnergySources& sources,
                                     std::span<const TimeSpan> windows,
                                     const std::vector<Quantity>& baselines,
                                     const WindowEnergy& measured,
                                     std::span<const FlightStages> stages) {
  std::vector<size_t> used;
  double period_s = 0;
  for (size_t d = 0; d < sources.chosen.size(); ++d) {
    const DomainEnergy& domain = sources.chosen[d];
    if (domain.domain.kind == DomainKind::kEstimate || !in_total(domain, measured)) continue;
    used.push_back(d);
    period_s = std::max(period_s, domain.period_s);
  }
  if (used.empty()) return nothing("the energy is estimated");
  const std::optional<int64_t> length = interval_length(windows, period_s);
  if (!length) return nothing("the measured time is too short for the period of the sensors");
  Grid grid(windows, *length);
  for (const size_t d : used) {
    grid.add_energy(sources.chosen[d].curve, baselines[d].value.value_or(0));
  }
  for (const FlightStages& flight : stages) {
    grid.add_tokens(flight.prefill, &Interval::prompt_tokens);
    grid.add_tokens(flight.decode, &Interval::output_tokens);
  }
  const std::optional<TokenEnergy> fitted = fit(grid.intervals());
  if (!fitted || !well_known(fitted->prefill_j, fitted->prefill_se) ||
      !well_known(fitted->decode_j, fitted->decode_se)) {
    return nothing("prefill and decode were mixed too evenly to tell their costs apart");
  }
  return {fitted, ""};
}

}  // namespace aieb
