#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/carbon_factor.h"

namespace aieb {

/// What intensities are published for.
constexpr int64_t kHour_ns = 3'600'000'000'000;

/// How a file of carbon intensities by time is to be read.
struct SeriesOptions {
  std::string name;                           ///< of the file, for messages
  std::string zone;                           ///< of several in the file; empty: it has one
  std::optional<double> uncertainty_percent;  ///< k = 2, instead of the file's or the derived one
};

/// What a file of carbon intensities by time holds.
struct SeriesFile {
  CarbonSeries series;
  std::string column;  ///< that the intensities were taken from
  std::string basis;   ///< lifecycle, direct, marginal; empty: the file does not say
  std::string zone;    ///< empty: the file names none
  int64_t without_value = 0;
  int64_t estimated = 0;  ///< rows that the file itself calls estimated
};

/// Reads CSV text with a header: a column of times (ISO 8601 with zone, or without one where the
/// header says UTC; or seconds since the Unix epoch) and one of intensities, both recognised by
/// name; further columns are ignored but for the zone, whether a row is estimated, and its
/// uncertainty. Known are this tool's own names, the exports of Electricity Maps and WattTime's
/// (docs/carbon.md, "By the hour"). A value holds until the next row's time, the last and those
/// before a gap for the usual step of the file; empty values are gaps.
///
/// Throws ConfigError that names the file, the row and what is known.
SeriesFile parse_carbon_series(std::string_view csv, const SeriesOptions& options);

/// The same of a file. Throws ConfigError also when it cannot be read.
SeriesFile read_carbon_series(const std::string& path, const SeriesOptions& options);

/// Expanded uncertainty (k = 2) in g/kWh of an intensity that was made for one grid and one hour.
/// `rough`: estimated rather than computed from what ran, or marginal. docs/carbon.md derives it.
double hourly_uncertainty_g_per_kwh(double g_per_kwh, bool rough);

}  // namespace aieb
