#include <algorithm>

#include <fmt/format.h>

#include "core/clock.h"
#include "exporters/source_reader.h"

namespace aieb::exporters {
namespace {

/// Reads an exporter's own page in Prometheus' text format.
class TextReader final : public SourceReader {
 public:
  explicit TextReader(const SourceSpec& spec) : rules_(spec.rules), where_(spec.where) {}

  SourceReadings read(PageFetcher& fetcher) override {
    const std::string path = fetcher.names_page() ? "" : "/metrics";
    const Page page = fetcher.get(path);
    SourceReadings out;
    try {
      const Exposition parsed = parse_exposition(page.body, exposition_format(page.content_type));
      watch_clock(page, parsed, out);
      for (const ExpositionSample& sample : parsed.samples) add(sample, page, out);
    } catch (const ExpositionError& error) {
      throw SourceError(
          fmt::format("the page is not in Prometheus' text format: {}", error.what()));
    }
    return out;
  }

 private:
  /// Lines without a time are as old as the page. Times of lines are by the exporter's clock, of
  /// which only the Date header tells.
  void watch_clock(const Page& page, const Exposition& parsed, SourceReadings& out) {
    out.half_width_ns = page.half_width_ns();
    out.clock_from = "half of the time that a request takes";
    const bool stamped = std::any_of(
        parsed.samples.begin(), parsed.samples.end(), [this](const ExpositionSample& sample) {
          return sample.timestamp_s.has_value() &&
                 std::any_of(rules_.begin(), rules_.end(),
                             [&](const Rule& rule) { return rule.metric == sample.name; });
        });
    const auto date_s = stamped ? http_date_s(page.date.c_str()) : std::nullopt;
    if (!date_s) return;
    constexpr int64_t kSecond = 1'000'000'000;
    out.clock_was_set =
        !offset_.add(page.sent_ns, page.received_ns, *date_s * kSecond, (*date_s + 1) * kSecond);
    const auto estimate = offset_.estimate();
    out.offset_ns = estimate->offset_ns;
    out.half_width_ns = estimate->half_width_ns;
    out.clock_from = "the Date headers";
  }

  void add(const ExpositionSample& sample, const Page& page, SourceReadings& out) {
    for (const Rule& rule : rules_) {
      if (rule.metric != sample.name || !matches(rule.where, sample.labels) ||
          !matches(where_, sample.labels)) {
        continue;
      }
      SourceReading reading{&rule, device_of(rule, sample.labels), page.middle_ns(),
                            sample.value * rule.scale};
      if (sample.timestamp_s && out.offset_ns != 0) {
        reading.t_ns = nanoseconds(*sample.timestamp_s) - out.offset_ns;
      }
      out.readings.push_back(std::move(reading));
    }
  }

  std::vector<Rule> rules_;
  std::vector<Label> where_;
  ClockOffset offset_;
};

}  // namespace

std::unique_ptr<SourceReader> make_text_reader(const SourceSpec& spec) {
  return std::make_unique<TextReader>(spec);
}

}  // namespace aieb::exporters
