#include "analysis/energy_curve.h"

#include <algorithm>
#include <utility>

namespace aieb {

EnergyCurve::EnergyCurve(std::vector<int64_t> times_ns, std::vector<double> energy_j)
    : times_ns_(std::move(times_ns)), energy_j_(std::move(energy_j)) {
  if (empty()) return;
  const size_t last = times_ns_.size() - 1;
  const auto power = [this](size_t from, size_t to) {
    return (energy_j_[to] - energy_j_[from]) / static_cast<double>(times_ns_[to] - times_ns_[from]);
  };
  const int64_t usual_ns = (times_ns_[last] - times_ns_[0]) / static_cast<int64_t>(last);
  size_t head = 1;
  while (times_ns_[head] - times_ns_[0] < usual_ns) ++head;
  size_t tail = last - 1;
  while (times_ns_[last] - times_ns_[tail] < usual_ns) --tail;
  first_power_ = power(0, head);
  last_power_ = power(tail, last);
}

EnergyCurve EnergyCurve::shifted(int64_t by_ns) const {
  EnergyCurve out = *this;
  for (int64_t& t_ns : out.times_ns_) t_ns += by_ns;
  return out;
}

double EnergyCurve::at(int64_t t_ns) const {
  if (empty()) return 0;
  const auto after = std::upper_bound(times_ns_.begin(), times_ns_.end(), t_ns);
  return within(static_cast<size_t>(std::max<std::ptrdiff_t>(after - times_ns_.begin(), 1)) - 1,
                t_ns);
}

double EnergyCurve::at(int64_t t_ns, size_t& segment) const {
  if (empty()) return 0;
  while (segment + 1 < times_ns_.size() && times_ns_[segment + 1] <= t_ns) ++segment;
  return within(segment, t_ns);
}

double EnergyCurve::within(size_t segment, int64_t t_ns) const {
  const auto since = static_cast<double>(t_ns - times_ns_[segment]);
  if (since < 0) return energy_j_[segment] + since * first_power_;
  if (segment + 1 == times_ns_.size()) return energy_j_[segment] + since * last_power_;
  const auto span = static_cast<double>(times_ns_[segment + 1] - times_ns_[segment]);
  return energy_j_[segment] + since / span * (energy_j_[segment + 1] - energy_j_[segment]);
}

}  // namespace aieb
