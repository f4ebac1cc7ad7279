#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/quantity.h"
#include "core/results.h"

namespace aieb {

enum class Verdict {
  kDifferent,           ///< the difference is larger than its uncertainty (95 %)
  kNotDistinguishable,  ///< it is not
  kUnknown,             ///< one of the values is unknown, or nothing is known of their uncertainty
};
std::string_view to_string(Verdict verdict);

/// What is known of both runs' values, best first. A model's estimate is not a measurement,
/// whatever its uncertainty says.
enum class Basis { kMeasured, kPartlyEstimated, kEstimated, kUnknown };
std::string_view to_string(Basis basis);

/// Whether a sensor saw any of it.
bool has_measurement(Basis basis);

/// Of what rests on both.
Basis common_basis(Basis a, Basis b);

/// One metric of two runs.
struct MetricComparison {
  std::string key;    ///< e.g. "energy_per_output_token_j"
  std::string label;  ///< in words
  Quantity a;
  Quantity b;
  Quantity difference;          ///< b − a
  std::optional<double> ratio;  ///< b / a
  Verdict verdict = Verdict::kUnknown;
  Basis basis = Basis::kUnknown;
};

/// Two runs side by side.
struct Comparison {
  std::vector<MetricComparison> metrics;
  bool same_sensors = false;  ///< both on one host: what its sensors are off by cancels largely
  Basis energy = Basis::kUnknown;      ///< of every metric that follows from the total energy
  std::vector<std::string> estimated;  ///< components of it that a model estimated: "cpu", "dram"
  int pairs = 0;                   ///< of runs measured in turn (analysis/paired.h); 0: two runs
  std::vector<std::string> order;  ///< of each pair: "A B" or "B A"
  std::vector<std::string> not_comparable;  ///< what differs besides what is compared, in words
  std::vector<std::string> notes;           ///< what differs and is no reason not to compare
};

/// Compares b with a.
///
/// Where both runs were measured by the same domain of the same host, its systematic error is the
/// same factor in both: only its part of the difference remains, and a tenth that may have changed
/// between the runs (temperature). Everything else adds in quadrature.
///
/// Random parts come from the runs' intervals (Results::intervals) where they have one: standard
/// errors add in quadrature, with the degrees of freedom of Welch and Satterthwaite. A mean latency
/// without one carries twice its standard error, an energy its sensors' random part; a rate without
/// one has no verdict.
///
/// Servers are compared wherever they listen: another endpoint is a note. Behind another host name
/// it is not taken for the same sensors.
Comparison compare(const Results& a, const Results& b);

/// Whether both were measured on one host, whose name is known.
bool same_host(const Results& a, const Results& b);

struct EnergyDifferenceOptions {
  std::string unit;           ///< of the scaled energies, e.g. "W" for a scale of 1/s
  bool same_sensors = false;  ///< one host: systematic errors cancel as in `compare`
};

/// b's gross total · scale_b − a's · scale_a, with its uncertainty. Missing when one is unknown.
Quantity energy_difference(const WindowEnergy& a, double scale_a, const WindowEnergy& b,
                           double scale_b, const EnergyDifferenceOptions& options);

}  // namespace aieb
