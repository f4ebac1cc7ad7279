#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/json.h"

namespace aieb {

/// Where a value comes from, best first. kPartial is a sum with estimates or gaps among its parts.
enum class Source {
  kMeasuredCounter,
  kIntegratedPower,
  kEstimated,
  kPartial,
  kMissing,
  kDisabled,
};
std::string_view to_string(Source source);

/// A measured value with its expanded uncertainty (k = 2, 95 %), in two parts:
/// - `systematic` (board gain, model of an estimate) is fully correlated within one domain, so it
///   adds linearly over windows and requests of that domain;
/// - `random` (edges, quantisation, clock, noise) adds in quadrature, but linearly over domains
/// that
///   are read together.
/// An unknown value has no `value` and a `reason`; it is never 0.
struct Quantity {
  std::optional<double> value;
  double systematic = 0;
  double random = 0;
  std::string unit;
  Source source = Source::kMissing;
  std::string reason;

  [[nodiscard]] bool known() const { return value.has_value(); }

  /// The two parts in quadrature.
  [[nodiscard]] double uncertainty() const;

  /// Same quantity times a constant, e.g. J → Wh.
  [[nodiscard]] Quantity scaled(double factor, std::string new_unit) const;

  static Quantity missing(std::string unit, std::string reason);
  static Quantity disabled(std::string unit);
};

/// Sum of quantities of *different*, independent domains: both parts add in quadrature.
/// Unknown parts are left out of the value; the sum's source is then kPartial and its reason names
/// them. A sum without any known part is missing. Units must be equal.
Quantity sum_independent(std::span<const Quantity> parts);

/// Sum over domains whose values are taken and read at the same times, as an exporter's are: what
/// those times are off by is common, so that random parts add linearly; systematic in quadrature.
Quantity sum_read_together(std::span<const Quantity> parts);

/// Sum over windows or requests of *one* domain: systematic adds linearly, random in quadrature.
Quantity sum_correlated(std::span<const Quantity> parts);

/// {value, uncertainty, systematic, random, unit, source, reason}; unknown numbers are null.
Json to_json(const Quantity& quantity);

/// "1.84 ± 0.06 Wh": the uncertainty to two significant digits (at most six decimals), the value
/// to the same decimals; "1.840 Wh" where the uncertainty is 0 because nobody stated one;
/// "unknown (reason)" when missing.
std::string to_text(const Quantity& quantity);

constexpr double kJoulesPerWh = 3600.0;

}  // namespace aieb
