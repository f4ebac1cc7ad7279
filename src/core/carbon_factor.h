#pragma once

#include <optional>
#include <string>

#include "core/json.h"

namespace aieb {

/// Grid carbon intensity used for a run, resolved before it starts and kept in the trace.
struct CarbonFactor {
  double g_per_kwh = 0;
  double uncertainty_g_per_kwh = 0;  ///< k = 2; 0 when nothing is stated
  std::string country_iso_code;      ///< ISO 3166-1 alpha-3
  std::string country_name;
  std::string region;    ///< empty: the country's average
  bool assumed = false;  ///< the user named no location and the default was taken
  int year = 0;
  std::string source;
  std::string licence;
  double pue = 1.0;
  double wue_l_per_kwh = 0.0;
};

Json to_json(const CarbonFactor& factor);
CarbonFactor carbon_factor_from(const Json& json);

}  // namespace aieb
