#include "core/quantity.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <utility>

namespace aieb {

std::string_view to_string(Source source) {
  switch (source) {
    case Source::kMeasuredCounter:
      return "measured-counter";
    case Source::kIntegratedPower:
      return "integrated-power";
    case Source::kEstimated:
      return "estimated";
    case Source::kPartial:
      return "partial";
    case Source::kMissing:
      return "missing";
    case Source::kDisabled:
      return "disabled";
  }
  return "missing";
}

double Quantity::uncertainty() const { return std::hypot(systematic, random); }

Quantity Quantity::scaled(double factor, std::string new_unit) const {
  Quantity out = *this;
  if (out.value) *out.value *= factor;
  out.systematic *= std::abs(factor);
  out.random *= std::abs(factor);
  out.unit = std::move(new_unit);
  return out;
}

Quantity Quantity::missing(std::string unit, std::string reason) {
  Quantity out;
  out.unit = std::move(unit);
  out.reason = std::move(reason);
  return out;
}

Quantity Quantity::disabled(std::string unit) {
  Quantity out;
  out.unit = std::move(unit);
  out.source = Source::kDisabled;
  out.reason = "disabled";
  return out;
}

namespace {

constexpr const char* kAnd = "; ";

void append_one(std::string& reasons, const std::string& reason) {
  const bool said = (kAnd + reasons + kAnd).find(kAnd + reason + kAnd) != std::string::npos;
  if (reason.empty() || said) return;
  if (!reasons.empty()) reasons += kAnd;
  reasons += reason;
}

/// Appends those of `more`, itself perhaps of a sum, that were not said yet.
void append_reasons(std::string& reasons, const std::string& more) {
  const std::string_view and_text = kAnd;
  size_t begin = 0;
  while (begin < more.size()) {
    const size_t end = std::min(more.find(kAnd, begin), more.size());
    append_one(reasons, more.substr(begin, end - begin));
    begin = end + and_text.size();
  }
}

double in_quadrature(double a, double b) { return std::hypot(a, b); }
double linearly(double a, double b) { return a + b; }

Quantity sum(std::span<const Quantity> parts, double (*add_systematic)(double, double),
             double (*add_random)(double, double)) {
  Quantity total;
  bool same_source = true;
  std::optional<Source> source;
  for (const Quantity& part : parts) {
    total.unit = part.unit;
    append_reasons(total.reason, part.reason);
    if (!part.known()) {
      same_source = false;
      continue;
    }
    total.value = total.value.value_or(0.0) + *part.value;
    total.systematic = add_systematic(total.systematic, part.systematic);
    total.random = add_random(total.random, part.random);
    same_source = same_source && (!source || *source == part.source);
    source = part.source;
  }
  if (!source) {
    total.source = parts.empty() ? Source::kMissing : parts.front().source;
  } else {
    total.source = same_source ? *source : Source::kPartial;
  }
  return total;
}

}  // namespace

Quantity sum_independent(std::span<const Quantity> parts) {
  return sum(parts, in_quadrature, in_quadrature);
}

Quantity sum_read_together(std::span<const Quantity> parts) {
  return sum(parts, in_quadrature, linearly);
}

Quantity sum_correlated(std::span<const Quantity> parts) {
  return sum(parts, linearly, in_quadrature);
}

Json to_json(const Quantity& quantity) {
  Json out;
  out["value"] = quantity.known() ? Json(*quantity.value) : Json(nullptr);
  out["uncertainty"] = quantity.known() ? Json(quantity.uncertainty()) : Json(nullptr);
  out["systematic"] = quantity.known() ? Json(quantity.systematic) : Json(nullptr);
  out["random"] = quantity.known() ? Json(quantity.random) : Json(nullptr);
  out["unit"] = quantity.unit;
  out["source"] = to_string(quantity.source);
  out["reason"] = quantity.reason.empty() ? Json(nullptr) : Json(quantity.reason);
  return out;
}

namespace {

/// Decimals that show so many significant digits of a positive number.
int decimals_for(double number, int digits) {
  return std::clamp(digits - 1 - static_cast<int>(std::floor(std::log10(number))), 0, 6);
}

}  // namespace

std::string to_text(const Quantity& quantity) {
  if (!quantity.known()) {
    return quantity.reason.empty() ? "unknown" : "unknown (" + quantity.reason + ")";
  }
  const double u = quantity.uncertainty();
  double value = *quantity.value;
  // Two digits of the uncertainty; where nobody stated one, four of the value.
  const int decimals = u > 0        ? decimals_for(u, 2)
                       : value != 0 ? decimals_for(std::abs(value), 4)
                                    : 0;
  if (std::abs(value) < 0.5 * std::pow(10, -decimals)) value = 0;  // no "-0.00"
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.*f", decimals, value);
  std::string out = text.data();
  if (u > 0) {
    std::snprintf(text.data(), text.size(), " ± %.*f", decimals, u);
    out += text.data();
  }
  return out + " " + quantity.unit;
}

}  // namespace aieb
