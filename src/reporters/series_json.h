#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/results.h"

namespace aieb {

/// `value` to `digits` significant digits: what a drawing can show, in short text.
double rounded(double value, int digits);

/// [{domain, component, index, kind, t_s: […], power_w: […]}]. Times are rounded to 0.1 ms, powers
/// to six digits.
Json power_json(const std::vector<PowerSeries>& power);
std::vector<PowerSeries> power_from(const Json& json);

/// {ttft_s: {edges: […], counts: […]}, …}.
Json histograms_json(const std::map<std::string, Histogram>& histograms);
std::map<std::string, Histogram> histograms_from(const Json& json);

}  // namespace aieb
