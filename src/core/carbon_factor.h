#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/json.h"

namespace aieb {

/// Carbon intensity over [from_ns, to_ns) of wall time (ns since the Unix epoch).
struct CarbonInterval {
  int64_t from_ns = 0;
  int64_t to_ns = 0;
  double g_per_kwh = 0;
  double uncertainty_g_per_kwh = 0;  ///< k = 2
};

/// An intensity that changes while a run goes on, by time. Outside of its intervals nothing is
/// known.
struct CarbonSeries {
  std::string file;  ///< or the service that it was asked of
  int64_t rows = 0;  ///< with a value, in the file
  int64_t from_ns = 0;
  int64_t to_ns = 0;  ///< from_ns … to_ns: what the file holds, however much is kept here
  std::vector<CarbonInterval> intervals;  ///< those of the run, once it is analysed
};

/// What making one kind of device emitted, spread over its life.
struct EmbodiedItem {
  std::string component;                      ///< as named in the configuration: gpu, cpu, server …
  std::optional<double> devices;              ///< absent: the GPUs that were measured
  double g_per_hour = 0;                      ///< g CO2e of one device in one hour
  std::optional<double> uncertainty_percent;  ///< k = 2; absent: the source states none
  std::string source;
};

/// Grid carbon intensity used for a run, resolved before it starts and kept in the trace.
struct CarbonFactor {
  double g_per_kwh = 0;              ///< with a series, of results: the mean over the energy
  double uncertainty_g_per_kwh = 0;  ///< k = 2; 0 when nothing is stated
  std::string unknown;               ///< why no intensity is known; empty if one is
  std::string country_iso_code;      ///< ISO 3166-1 alpha-3
  std::string country_name;
  std::string region;    ///< empty: the country's average
  bool assumed = false;  ///< the user named no location and the default was taken
  int year = 0;
  std::string basis;  ///< lifecycle, direct, marginal; empty: see data/carbon/README.md
  std::string source;
  std::string licence;
  double pue = 1.0;
  double pue_uncertainty = 0;  ///< k = 2, absolute, as the next
  double wue_l_per_kwh = 0.0;
  double wue_uncertainty_l_per_kwh = 0;
  std::optional<CarbonSeries> series;
  std::vector<EmbodiedItem> embodied;
};

Json to_json(const CarbonFactor& factor);
CarbonFactor carbon_factor_from(const Json& json);

Json to_json(const EmbodiedItem& item);
EmbodiedItem embodied_item_from(const Json& json);

/// The factor with only those intervals of its series that touch [from_ns, to_ns].
CarbonFactor trimmed(CarbonFactor factor, int64_t from_ns, int64_t to_ns);

/// Why the factor's series says nothing of a part of [from_ns, to_ns], naming both ranges; empty if
/// it covers it, or there is no series.
std::string uncovered(const CarbonFactor& factor, int64_t from_ns, int64_t to_ns);

}  // namespace aieb
