#include "analysis/energy_curve.h"

#include <algorithm>

namespace aieb {

EnergyCurve EnergyCurve::shifted(int64_t by_ns) const {
  EnergyCurve out = *this;
  for (int64_t& t_ns : out.times_ns_) t_ns += by_ns;
  return out;
}

double EnergyCurve::at(int64_t t_ns) const {
  if (empty()) return 0;
  const auto after = std::upper_bound(times_ns_.begin(), times_ns_.end(), t_ns);
  const auto last = static_cast<std::ptrdiff_t>(times_ns_.size()) - 1;
  const auto i =
      static_cast<size_t>(std::clamp<std::ptrdiff_t>(after - times_ns_.begin() - 1, 0, last - 1));
  const auto span = static_cast<double>(times_ns_[i + 1] - times_ns_[i]);
  const double fraction = static_cast<double>(t_ns - times_ns_[i]) / span;
  return energy_j_[i] + fraction * (energy_j_[i + 1] - energy_j_[i]);
}

}  // namespace aieb
