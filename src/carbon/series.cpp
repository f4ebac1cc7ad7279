#include "carbon/series.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <utility>

#include "carbon/table.h"
#include "carbon/timestamp.h"
#include "core/csv.h"
#include "core/error.h"
#include "core/text.h"

namespace aieb {
namespace {

/// docs/carbon.md, "How wrong can an intensity be?"
constexpr double kHourly = 0.25;
constexpr double kRough = 0.5;
constexpr double kLeastUncertainty = 25;

constexpr double kGramsPerPound = 453.59237;
constexpr double kPoundsPerMwh = kGramsPerPound / 1000;  ///< in g/kWh
constexpr double kGap = 1.5;                             ///< steps

struct TimeColumn {
  std::string_view name;
  bool utc;  ///< times without a zone are in UTC
};
/// Names in the form of `column_name`.
constexpr std::array kTimeColumns = {
    TimeColumn{"datetime (utc)", true}, TimeColumn{"timestamp (utc)", true},
    TimeColumn{"time (utc)", true},     TimeColumn{"timestamp", false},
    TimeColumn{"datetime", false},      TimeColumn{"time", false},
    TimeColumn{"point time", false},    TimeColumn{"epoch", false},
};

struct ValueColumn {
  std::string_view name;
  double g_per_kwh;  ///< of its unit
  std::string_view basis;
};
/// The first that a file has is taken: one that is meant for us, then lifecycle before direct, as
/// most of the tables are.
constexpr std::array kValueColumns = {
    ValueColumn{"g per kwh", 1, ""},
    ValueColumn{"carbon intensity g per kwh", 1, ""},
    ValueColumn{"g/kwh", 1, ""},
    ValueColumn{"gco2eq/kwh", 1, ""},
    ValueColumn{"gco2e/kwh", 1, ""},
    ValueColumn{"gco2/kwh", 1, ""},
    // Electricity Maps: exports since 2024, before, and the field of its API.
    ValueColumn{"carbon intensity gco2eq/kwh (life cycle)", 1, "lifecycle"},
    ValueColumn{"carbon intensity gco2eq/kwh (lca)", 1, "lifecycle"},
    ValueColumn{"carbon intensity gco2eq/kwh (direct)", 1, "direct"},
    ValueColumn{"carbonintensity", 1, "lifecycle"},
    ValueColumn{"carbon intensity", 1, ""},
    // WattTime: marginal and average rates, in pounds per MWh.
    ValueColumn{"moer", kPoundsPerMwh, "marginal"},
    ValueColumn{"co2 moer", kPoundsPerMwh, "marginal"},
    ValueColumn{"co2 aoer", kPoundsPerMwh, "direct"},
};

constexpr std::array<std::string_view, 4> kZoneColumns = {"zone id", "zone", "region", "ba"};
constexpr std::array<std::string_view, 3> kEstimatedColumns = {"data estimated", "isestimated",
                                                               "is estimated"};
constexpr std::array<std::string_view, 1> kUncertaintyColumns = {"uncertainty g per kwh"};

/// Lower case, separators as single spaces, the subscript of CO₂ as a plain 2, no byte order mark.
std::string column_name(std::string text) {
  for (const auto& [from, to] : {std::pair{"\xEF\xBB\xBF", ""}, std::pair{"\xE2\x82\x82", "2"}}) {
    const size_t at = text.find(from);
    if (at != std::string::npos) text.replace(at, 3, to);
  }
  return comparable_name(text);
}

template <typename Rows>
std::string names_of(const Rows& rows) {
  std::string text;
  for (const auto& row : rows) text += (text.empty() ? "'" : "', '") + std::string(row.name);
  return text + "'";
}

std::optional<double> number_of(const std::string& cell) {
  double value = 0;
  const char* end = cell.data() + cell.size();
  const auto [stop, error] = std::from_chars(cell.data(), end, value);
  if (error != std::errc() || stop != end || !std::isfinite(value)) return std::nullopt;
  return value;
}

bool is_absent(const std::string& cell) {
  const std::string name = comparable_name(cell);
  return name.empty() || name == "nan" || name == "null" || name == "none";
}

/// One file, from its cells to its intervals.
class SeriesReader {
 public:
  SeriesReader(std::string_view csv, const SeriesOptions& options)
      : options_(options), rows_(parse_csv(csv)) {
    out_.series.file = options.name;
  }

  SeriesFile read() {
    if (rows_.empty()) fail("is empty: expected a header and rows of a time and an intensity");
    find_columns();
    choose_zone();
    for (size_t r = 1; r < rows_.size(); ++r) read_row(r);
    if (values_.empty()) fail("holds no row with a value");
    make_intervals();
    return std::move(out_);
  }

 private:
  struct Value {
    double g_per_kwh = 0;
    double uncertainty = 0;
    size_t row = 0;
  };

  [[noreturn]] void fail(const std::string& what) const {
    throw ConfigError("metrics.carbon_intensity_series: " + options_.name + " " + what);
  }
  [[noreturn]] void fail(size_t row, const std::string& what) const {
    fail("row " + std::to_string(row + 1) + ": " + what);
  }

  template <typename Names>
  [[nodiscard]] std::optional<size_t> column_of(const Names& names) const {
    for (const std::string_view name : names) {
      const auto found = std::find(header_.begin(), header_.end(), name);
      if (found != header_.end()) return static_cast<size_t>(found - header_.begin());
    }
    return std::nullopt;
  }

  void find_columns() {
    for (const std::string& cell : rows_.front()) header_.push_back(column_name(cell));
    for (const TimeColumn& column : kTimeColumns) {
      const auto at = column_of(std::array{column.name});
      if (!at) continue;
      time_ = *at;
      utc_ = column.utc;
      find_value();
      zone_ = column_of(kZoneColumns);
      estimated_ = column_of(kEstimatedColumns);
      uncertainty_ = column_of(kUncertaintyColumns);
      return;
    }
    unknown_header("times", names_of(kTimeColumns));
  }

  void find_value() {
    for (const ValueColumn& column : kValueColumns) {
      const auto at = column_of(std::array{column.name});
      if (!at) continue;
      value_ = *at;
      unit_ = column.g_per_kwh;
      out_.basis = column.basis;
      out_.column = trimmed(rows_.front()[*at]);
      return;
    }
    unknown_header("carbon intensities", names_of(kValueColumns));
  }

  [[noreturn]] void unknown_header(const std::string& what, const std::string& known) const {
    std::string found;
    for (const std::string& name : header_) found += (found.empty() ? "'" : "', '") + name;
    fail("has no column of " + what + " that is known by its name. It has " + found +
         "'; known are " + known + " (upper and lower case, '_' and '-' are the same)");
  }

  [[nodiscard]] std::string cell(size_t row, std::optional<size_t> column) const {
    if (!column || *column >= rows_[row].size()) return "";
    return std::string(trimmed(rows_[row][*column]));
  }

  [[nodiscard]] bool of_zone(size_t row) const {
    return !zone_ || comparable_name(cell(row, zone_)) == comparable_name(out_.zone);
  }

  void choose_zone() {
    if (!zone_) return;
    std::set<std::string> zones;
    for (size_t r = 1; r < rows_.size(); ++r) zones.insert(cell(r, zone_));
    std::string listed;
    for (const std::string& zone : zones) listed += (listed.empty() ? "" : ", ") + zone;
    for (const std::string& zone : zones) {
      const bool only = options_.zone.empty() && zones.size() == 1;
      if (only || comparable_name(zone) == comparable_name(options_.zone)) {
        out_.zone = zone;
        return;
      }
    }
    fail((options_.zone.empty() ? "holds several zones (" + listed + ")"
                                : "holds no zone '" + options_.zone + "' but " + listed) +
         ": name one of them in metrics.carbon_intensity_zone");
  }

  [[nodiscard]] int64_t time_of(size_t row) const {
    const std::string text = cell(row, time_);
    const auto time = parse_timestamp(text);
    if (!time) {
      fail(row, "'" + text +
                    "' is not a time: expected ISO 8601 such as 2026-01-31T13:00:00Z, or seconds "
                    "since 1970");
    }
    if (!time->has_zone && !utc_) {
      fail(row, "'" + text + "' names no time zone: write " + text +
                    "Z or +01:00 after it, or call the column 'timestamp (UTC)'");
    }
    return time->wall_ns;
  }

  void read_row(size_t row) {
    if (!of_zone(row)) return;
    const int64_t time = time_of(row);
    const std::string text = cell(row, value_);
    if (is_absent(text)) {
      ++out_.without_value;
      return;
    }
    const auto number = number_of(text);
    if (!number || *number < 0) {
      fail(row, "'" + text + "' is not a carbon intensity: expected a number of at least 0");
    }
    const bool estimated = comparable_name(cell(row, estimated_)) == "true";
    out_.estimated += estimated ? 1 : 0;
    Value value{*number * unit_, 0, row};
    value.uncertainty = uncertainty_of(row, value.g_per_kwh, estimated);
    add(time, value);
  }

  [[nodiscard]] double uncertainty_of(size_t row, double g_per_kwh, bool estimated) const {
    if (options_.uncertainty_percent) return g_per_kwh * *options_.uncertainty_percent / 100;
    const std::string text = cell(row, uncertainty_);
    if (is_absent(text)) {
      return hourly_uncertainty_g_per_kwh(g_per_kwh, estimated || out_.basis == "marginal");
    }
    const auto number = number_of(text);
    if (!number || *number < 0) fail(row, "'" + text + "' is not an uncertainty");
    return *number;
  }

  void add(int64_t time, const Value& value) {
    const auto [at, is_new] = values_.emplace(time, value);
    if (is_new || at->second.g_per_kwh == value.g_per_kwh) return;
    fail(value.row, "its time is also that of row " + std::to_string(at->second.row + 1) +
                        ", with another value");
  }

  /// The usual distance between two values.
  [[nodiscard]] int64_t step_ns() const {
    std::vector<int64_t> steps;
    for (auto it = std::next(values_.begin()); it != values_.end(); ++it) {
      steps.push_back(it->first - std::prev(it)->first);
    }
    if (steps.empty()) return kHour_ns;
    const auto middle = steps.begin() + static_cast<std::ptrdiff_t>(steps.size() / 2);
    std::nth_element(steps.begin(), middle, steps.end());
    return *middle;
  }

  void make_intervals() {
    const int64_t step = step_ns();
    const auto longest = static_cast<int64_t>(kGap * static_cast<double>(step));
    for (auto it = values_.begin(); it != values_.end(); ++it) {
      const auto next = std::next(it);
      const bool goes_on = next != values_.end() && next->first - it->first <= longest;
      out_.series.intervals.push_back({it->first, goes_on ? next->first : it->first + step,
                                       it->second.g_per_kwh, it->second.uncertainty});
    }
    out_.series.rows = static_cast<int64_t>(values_.size());
    out_.series.from_ns = out_.series.intervals.front().from_ns;
    out_.series.to_ns = out_.series.intervals.back().to_ns;
  }

  const SeriesOptions& options_;
  std::vector<std::vector<std::string>> rows_;
  std::vector<std::string> header_;
  size_t time_ = 0;
  size_t value_ = 0;
  std::optional<size_t> zone_;
  std::optional<size_t> estimated_;
  std::optional<size_t> uncertainty_;
  bool utc_ = false;
  double unit_ = 1;
  std::map<int64_t, Value> values_;
  SeriesFile out_;
};

}  // namespace

double hourly_uncertainty_g_per_kwh(double g_per_kwh, bool rough) {
  return std::max((rough ? kRough : kHourly) * g_per_kwh, kLeastUncertainty);
}

SeriesFile parse_carbon_series(std::string_view csv, const SeriesOptions& options) {
  return SeriesReader(csv, options).read();
}

SeriesFile read_carbon_series(const std::string& path, const SeriesOptions& options) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  if (!file) {
    throw ConfigError("metrics.carbon_intensity_series: cannot read " + path +
                      ": name a CSV file of times and carbon intensities");
  }
  return parse_carbon_series(text.str(), options);
}

}  // namespace aieb
