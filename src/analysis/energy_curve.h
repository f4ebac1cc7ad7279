#pragma once

#include <cstdint>
#include <vector>

namespace aieb {

/// Energy used since the first point, in J, as a function of time: linear between its points.
class EnergyCurve {
 public:
  EnergyCurve() = default;
  /// Times strictly increasing.
  EnergyCurve(std::vector<int64_t> times_ns, std::vector<double> energy_j)
      : times_ns_(std::move(times_ns)), energy_j_(std::move(energy_j)) {}

  [[nodiscard]] bool empty() const { return times_ns_.size() < 2; }
  [[nodiscard]] const std::vector<int64_t>& times_ns() const { return times_ns_; }
  [[nodiscard]] const std::vector<double>& energy_j() const { return energy_j_; }

  /// The same curve, everything `by_ns` later.
  [[nodiscard]] EnergyCurve shifted(int64_t by_ns) const;

  /// Outside the points the power of the nearest interval goes on.
  [[nodiscard]] double at(int64_t t_ns) const;
  [[nodiscard]] double between(int64_t from_ns, int64_t to_ns) const {
    return at(to_ns) - at(from_ns);
  }

 private:
  std::vector<int64_t> times_ns_;
  std::vector<double> energy_j_;
};

}  // namespace aieb
