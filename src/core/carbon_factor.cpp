#include "core/carbon_factor.h"

namespace aieb {

Json to_json(const CarbonFactor& f) {
  return Json{{"g_per_kwh", f.g_per_kwh},
              {"uncertainty_g_per_kwh", f.uncertainty_g_per_kwh},
              {"country_iso_code", f.country_iso_code},
              {"country_name", f.country_name},
              {"region", f.region},
              {"assumed", f.assumed},
              {"year", f.year},
              {"source", f.source},
              {"licence", f.licence},
              {"pue", f.pue},
              {"wue_l_per_kwh", f.wue_l_per_kwh}};
}

CarbonFactor carbon_factor_from(const Json& j) {
  CarbonFactor f;
  f.g_per_kwh = j.value("g_per_kwh", 0.0);
  f.uncertainty_g_per_kwh = j.value("uncertainty_g_per_kwh", 0.0);
  f.country_iso_code = j.value("country_iso_code", "");
  f.country_name = j.value("country_name", "");
  f.region = j.value("region", "");
  f.assumed = j.value("assumed", false);
  f.year = j.value("year", 0);
  f.source = j.value("source", "");
  f.licence = j.value("licence", "");
  f.pue = j.value("pue", 1.0);
  f.wue_l_per_kwh = j.value("wue_l_per_kwh", 0.0);
  return f;
}

}  // namespace aieb
