#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <set>

#include <fmt/format.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/text.h"
#include "exporters/source_reader.h"

namespace aieb::exporters {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
/// How far back the first request looks: what came before shows how often there are new values.
constexpr int64_t kFirstRange_s = 60;
/// What later requests look back beyond the newest value that is known: samples become visible a
/// little after their time, and those of different targets at different times.
constexpr int64_t kOverlap_s = 30;

/// A label's value inside a selector.
std::string in_quotes(const std::string& value) {
  std::string out = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::vector<Label> labels_of(const Json& metric) {
  std::vector<Label> labels;
  for (const auto& [name, value] : metric.items()) {
    if (value.is_string()) labels.push_back({name, value});
  }
  return labels;
}

std::string value_of(const std::vector<Label>& labels, std::string_view name) {
  const auto it = std::find_if(labels.begin(), labels.end(),
                               [&](const Label& label) { return label.name == name; });
  return it == labels.end() ? std::string() : it->value;
}

/// The API's answers as JSON. Throws SourceError with what the server said.
Json data_of(const Page& page) {
  const Json json = Json::parse(page.body, nullptr, false);
  if (!json.is_object() || json.value("status", "") != "success" || !json.contains("data")) {
    const std::string said = json.is_object() ? json.value("error", "") : "";
    throw SourceError("the answer is not one of Prometheus' query API" +
                      (said.empty() ? "" : ": " + said));
  }
  return json["data"];
}

/// Asks a Prometheus server for the raw samples of the selectors, each at the time of its scrape:
/// an instant query of a range selector gives them as they are stored, whereas query_range would
/// sample them anew. Expressions have no samples of their own; they go through query_range.
class QueryReader final : public SourceReader {
 public:
  explicit QueryReader(const SourceSpec& spec)
      : rules_(spec.rules), where_(spec.where), step_s_(spec.period_s) {}

  SourceReadings read(PageFetcher& fetcher) override {
    SourceReadings out;
    const int64_t server_now = ask_time(fetcher, out);
    read_samples(fetcher, server_now, out);
    for (const Rule& rule : rules_) {
      if (rule.expression) read_expression(fetcher, rule, server_now, out);
    }
    learn_scrape_time(fetcher);
    // A value is read between its timestamp and the end of the scrape.
    const int64_t half_scrape = longest_scrape_ns_ / 2;
    for (SourceReading& reading : out.readings) reading.t_ns += half_scrape;
    out.half_width_ns += half_scrape;
    last_server_ns_ = server_now;
    return out;
  }

 private:
  Json get(PageFetcher& fetcher, const std::string& path) { return data_of(fetcher.get(path)); }

  /// The server's clock in ns since 1970, with the offset to ours as a by-product.
  int64_t ask_time(PageFetcher& fetcher, SourceReadings& out) {
    const Page page = fetcher.get("/api/v1/query?query=time()");
    const Json data = data_of(page);
    const Json result = data.value("result", Json());
    if (!result.is_array() || result.empty() || !result[0].is_number()) {
      throw SourceError("time() is not answered with a time: is this a Prometheus server?");
    }
    constexpr int64_t kMillisecond = 1'000'000;
    const int64_t low = std::llround(result[0].get<double>() * 1e3) * kMillisecond;
    out.clock_was_set = !offset_.add(page.sent_ns, page.received_ns, low, low + kMillisecond);
    const auto estimate = offset_.estimate();
    out.offset_ns = estimate->offset_ns;
    out.half_width_ns = estimate->half_width_ns;
    out.clock_from = "time() of the Prometheus server";
    return low;
  }

  [[nodiscard]] std::string selector() const {
    std::set<std::string> names;
    for (const Rule& rule : rules_) {
      if (!rule.expression) names.insert(rule.metric);
    }
    if (names.empty()) return "";
    std::string list;
    for (const std::string& name : names) list += (list.empty() ? "" : "|") + name;
    std::string out = "{__name__=~" + in_quotes(list);
    for (const Label& label : where_) out += "," + label.name + "=" + in_quotes(label.value);
    return out + "}";
  }

  [[nodiscard]] int64_t range_s(int64_t server_now) const {
    if (last_server_ns_ == 0) return kFirstRange_s;
    return (server_now - last_server_ns_) / kSecond + 1 + kOverlap_s;
  }

  void read_samples(PageFetcher& fetcher, int64_t server_now, SourceReadings& out) {
    const std::string chosen = selector();
    if (chosen.empty()) return;
    const std::string query = fmt::format("{}[{}s]", chosen, range_s(server_now));
    const Json data = get(fetcher, "/api/v1/query?query=" + percent_encoded(query));
    for (const Json& series : data.value("result", Json::array())) {
      const std::vector<Label> labels = labels_of(series.value("metric", Json::object()));
      for (const Rule& rule : rules_) {
        if (rule.expression || rule.metric != value_of(labels, "__name__") ||
            !matches(rule.where, labels)) {
          continue;
        }
        targets_.insert({value_of(labels, "job"), value_of(labels, "instance")});
        add_values(rule, labels, series, out);
      }
    }
  }

  void read_expression(PageFetcher& fetcher, const Rule& rule, int64_t server_now,
                       SourceReadings& out) {
    const int64_t from = server_now - range_s(server_now) * kSecond;
    const Json data =
        get(fetcher,
            fmt::format("/api/v1/query_range?query={}&start={:.3f}&end={:.3f}&step={:g}",
                        percent_encoded(rule.metric), seconds(from), seconds(server_now), step_s_));
    for (const Json& series : data.value("result", Json::array())) {
      add_values(rule, labels_of(series.value("metric", Json::object())), series, out);
    }
  }

  /// Only what is newer than before: ranges overlap.
  void add_values(const Rule& rule, const std::vector<Label>& labels, const Json& series,
                  SourceReadings& out) {
    const Device device = device_of(rule, labels);
    double& newest = newest_[&rule][series.value("metric", Json::object()).dump()];
    for (const Json& pair : series.value("values", Json::array())) {
      if (!pair.is_array() || pair.size() != 2 || !pair[0].is_number() || !pair[1].is_string()) {
        throw SourceError("a sample is not [time, \"value\"]");
      }
      const auto time_s = pair[0].get<double>();
      if (time_s <= newest) continue;
      newest = time_s;
      const double value = std::strtod(pair[1].get<std::string>().c_str(), nullptr);
      const int64_t remote_ns = std::llround(time_s * 1e3) * 1'000'000;
      out.readings.push_back({&rule, device, remote_ns - out.offset_ns, value * rule.scale});
    }
  }

  /// How long scrapes of the targets take. Only once; servers that do not tell cost no accuracy
  /// that could be known.
  void learn_scrape_time(PageFetcher& fetcher) {
    if (scrape_time_asked_ || targets_.empty()) return;
    scrape_time_asked_ = true;
    for (const auto& [job, instance] : targets_) {
      const std::string query =
          fmt::format("max_over_time(scrape_duration_seconds{{job={},instance={}}}[5m])",
                      in_quotes(job), in_quotes(instance));
      const Json data = get(fetcher, "/api/v1/query?query=" + percent_encoded(query));
      for (const Json& series : data.value("result", Json::array())) {
        const Json value = series.value("value", Json::array());
        if (value.size() != 2 || !value[1].is_string()) continue;
        const double s = std::strtod(value[1].get<std::string>().c_str(), nullptr);
        longest_scrape_ns_ = std::max(longest_scrape_ns_, nanoseconds(s));
      }
    }
  }

  std::vector<Rule> rules_;
  std::vector<Label> where_;
  double step_s_;
  ClockOffset offset_;
  int64_t last_server_ns_ = 0;
  std::map<const Rule*, std::map<std::string, double>> newest_;  ///< time of the newest sample
  std::set<std::pair<std::string, std::string>> targets_;        ///< job and instance
  bool scrape_time_asked_ = false;
  int64_t longest_scrape_ns_ = 0;
};

}  // namespace

std::unique_ptr<SourceReader> make_query_reader(const SourceSpec& spec) {
  return std::make_unique<QueryReader>(spec);
}

}  // namespace aieb::exporters
