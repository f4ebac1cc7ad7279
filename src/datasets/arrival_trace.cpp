#include "datasets/arrival_trace.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <optional>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/csv.h"
#include "core/error.h"
#include "core/json.h"
#include "datasets/source.h"

namespace aieb {
namespace {

enum class TimeUnit { kDate, kSeconds, kMilliseconds };

/// One set of columns that is known.
struct TraceFormat {
  const char* name;
  const char* time;
  const char* input;
  const char* output;
  const char* blocks;  ///< empty: none
  TimeUnit unit;
};

constexpr std::array kFormats{
    TraceFormat{"azure", "TIMESTAMP", "ContextTokens", "GeneratedTokens", "", TimeUnit::kDate},
    TraceFormat{"burstgpt", "Timestamp", "Request tokens", "Response tokens", "",
                TimeUnit::kSeconds},
    TraceFormat{"mooncake", "timestamp", "input_length", "output_length", "hash_ids",
                TimeUnit::kMilliseconds},
};

/// A row as named values; numbers in text form are as good as numbers.
struct Row {
  Json values;
  std::string place;

  [[noreturn]] void fail(const std::string& column, const std::string& expected) const {
    throw DataError(fmt::format("{}: column '{}' must hold {}, found {}", place, column, expected,
                                values.value(column, Json()).dump()));
  }

  [[nodiscard]] double number(const std::string& column) const {
    const Json value = values.value(column, Json());
    if (value.is_number()) return value.get<double>();
    double parsed = 0;
    const std::string text = value.is_string() ? value.get<std::string>() : "";
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), parsed);
    if (text.empty() || error != std::errc() || end != text.data() + text.size() ||
        !std::isfinite(parsed)) {
      fail(column, "a number");
    }
    return parsed;
  }

  [[nodiscard]] int64_t tokens(const std::string& column) const {
    const double value = number(column);
    if (value < 0 || value > 1e9 || value != std::floor(value)) fail(column, "a number of tokens");
    return static_cast<int64_t>(value);
  }
};

/// Nanoseconds since 1970 of "2023-11-16 18:15:46.6805900", with T or a space, with or without a
/// time zone (which is the same for a whole trace and is not read). Absent: not of this form.
std::optional<int64_t> date_ns(const std::string& text) {
  int year = 0;
  int month = 0;
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  int used = 0;
  const int found = std::sscanf(text.c_str(), "%4d-%2d-%2d%*1[ T]%2d:%2d:%2d%n", &year, &month,
                                &day, &hour, &minute, &second, &used);
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (found != 6 || used == 0 || !date.ok()) return std::nullopt;
  int64_t fraction_ns = 0;
  auto at = static_cast<size_t>(used);
  if (at < text.size() && text[at] == '.') {
    int64_t unit = 100'000'000;
    for (++at; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, unit /= 10) {
      fraction_ns += (text[at] - '0') * unit;
    }
  }
  const auto days = std::chrono::sys_days(date).time_since_epoch().count();
  const int64_t seconds = ((int64_t{days} * 24 + hour) * 60 + minute) * 60 + second;
  return seconds * 1'000'000'000 + fraction_ns;
}

int64_t time_ns(const Row& row, const TraceFormat& format) {
  if (format.unit == TimeUnit::kDate) {
    const Json value = row.values.value(format.time, Json());
    const auto t = value.is_string() ? date_ns(value.get<std::string>()) : std::nullopt;
    if (!t) row.fail(format.time, "a date and time such as 2023-11-16 18:15:46.68");
    return *t;
  }
  const double unit_ns = format.unit == TimeUnit::kSeconds ? 1e9 : 1e6;
  return std::llround(row.number(format.time) * unit_ns);
}

std::vector<int64_t> blocks_of(const Row& row, const TraceFormat& format) {
  const Json value = row.values.value(format.blocks, Json());
  if (value.is_null()) return {};
  const auto is_id = [](const Json& id) { return id.is_number_integer(); };
  if (!value.is_array() || !std::all_of(value.begin(), value.end(), is_id)) {
    row.fail(format.blocks, "a list of whole numbers");
  }
  return value.get<std::vector<int64_t>>();
}

/// The names of a file's columns, as its first row has them.
std::vector<std::string> columns_of(const Json& values) {
  std::vector<std::string> names;
  for (const auto& [name, value] : values.items()) names.push_back(name);
  return names;
}

const TraceFormat& format_of(const Json& first, const std::string& path) {
  for (const TraceFormat& format : kFormats) {
    if (first.contains(format.time) && first.contains(format.input) &&
        first.contains(format.output)) {
      return format;
    }
  }
  std::string known;
  for (const TraceFormat& format : kFormats) {
    known +=
        fmt::format("\n  {}: {}, {}, {}", format.name, format.time, format.input, format.output);
  }
  throw DataError(fmt::format("{}: no known trace of arrivals; its columns are {}. Known are:{}",
                              path, fmt::join(columns_of(first), ", "), known));
}

std::vector<Row> csv_rows(const std::string& text, const std::string& path) {
  const auto table = parse_csv(text);
  std::vector<Row> rows;
  for (size_t i = 1; i < table.size(); ++i) {
    Row row{Json::object(), fmt::format("{}, row {}", path, i)};
    if (table[i].size() != table[0].size()) {
      throw DataError(fmt::format("{}: has {} fields, the header has {}", row.place,
                                  table[i].size(), table[0].size()));
    }
    for (size_t c = 0; c < table[0].size(); ++c) row.values[table[0][c]] = table[i][c];
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<Row> jsonl_rows(const std::string& text, const std::string& path) {
  std::vector<Row> rows;
  int64_t line = 0;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view one = std::string_view(text).substr(begin, end - begin);
    begin = end + 1;
    ++line;
    if (one.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    Row row{Json::parse(one, nullptr, false), fmt::format("{}:{}", path, line)};
    if (!row.values.is_object()) throw DataError(row.place + ": is not a JSON object");
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<Row> rows_of(const std::string& path) {
  const std::string text = read_text_file(path);
  const size_t first = text.find_first_not_of(" \t\r\n");
  const bool is_json = first != std::string::npos && text[first] == '{';
  std::vector<Row> rows = is_json ? jsonl_rows(text, path) : csv_rows(text, path);
  if (rows.empty()) throw DataError(path + ": holds no requests");
  return rows;
}

}  // namespace

ArrivalTrace read_arrival_trace(const std::string& path) {
  const std::vector<Row> rows = rows_of(path);
  const TraceFormat& format = format_of(rows.front().values, path);
  ArrivalTrace trace;
  trace.format = format.name;
  for (const Row& row : rows) {
    TracedRequest request{time_ns(row, format), row.tokens(format.input), row.tokens(format.output),
                          blocks_of(row, format)};
    if (request.input_tokens == 0 || request.output_tokens == 0) {
      ++trace.left_out;
    } else {
      trace.requests.push_back(std::move(request));
    }
  }
  if (trace.requests.empty()) throw DataError(path + ": holds no request with tokens");
  std::stable_sort(
      trace.requests.begin(), trace.requests.end(),
      [](const TracedRequest& a, const TracedRequest& b) { return a.offset_ns < b.offset_ns; });
  const int64_t origin_ns = trace.requests.front().offset_ns;
  for (TracedRequest& request : trace.requests) request.offset_ns -= origin_ns;
  return trace;
}

}  // namespace aieb
