#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace aieb {

/// Energy used since the first point, in J, as a function of time: linear between its points.
class EnergyCurve {
 public:
  EnergyCurve() = default;
  /// Times strictly increasing.
  EnergyCurve(std::vector<int64_t> times_ns, std::vector<double> energy_j);

  [[nodiscard]] bool empty() const { return times_ns_.size() < 2; }
  [[nodiscard]] const std::vector<int64_t>& times_ns() const { return times_ns_; }
  [[nodiscard]] const std::vector<double>& energy_j() const { return energy_j_; }

  /// The same curve, everything `by_ns` later.
  [[nodiscard]] EnergyCurve shifted(int64_t by_ns) const;

  /// Outside the points the power beside them goes on: the mean over what lies between two points
  /// on average, or further where the next point is that far off. (Two points may lie so close
  /// together that the power between them says nothing.)
  [[nodiscard]] double at(int64_t t_ns) const;
  /// The same for times that rise from call to call. `segment`: 0 at first, then as it was left.
  [[nodiscard]] double at(int64_t t_ns, size_t& segment) const;
  [[nodiscard]] double between(int64_t from_ns, int64_t to_ns) const {
    return at(to_ns) - at(from_ns);
  }

 private:
  [[nodiscard]] double within(size_t segment, int64_t t_ns) const;

  std::vector<int64_t> times_ns_;
  std::vector<double> energy_j_;
  double first_power_ = 0;  ///< J/ns, before the first point
  double last_power_ = 0;   ///< after the last
};

}  // namespace aieb
