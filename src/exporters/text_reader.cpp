#include <algorithm>
#include <optional>

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
    const Page page = fetcher.get(fetcher.page_or("/metrics"));
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
  /// Lines without a time are as old as the page. Times of lines are by the exporter's clock: a
  /// time that is new on this page was not yet over when the last page was made, and is over now.
  void watch_clock(const Page& page, const Exposition& parsed, SourceReadings& out) {
    out.half_width_ns = page.half_width_ns();
    out.clock_from = "half of the time that a request takes";
    std::optional<double> newest;
    for (const ExpositionSample& sample : parsed.samples) {
      if (sample.timestamp_s && is_wanted(sample)) {
        newest = std::max(newest.value_or(*sample.timestamp_s), *sample.timestamp_s);
      }
    }
    const bool is_new = newest && newest_s_ && *newest > *newest_s_;
    if (is_new) {
      const auto shown_ns = nanoseconds(*newest);
      out.clock_was_set = !offset_.add(last_sent_ns_, page.received_ns, shown_ns, shown_ns);
    }
    last_sent_ns_ = page.sent_ns;
    if (newest) newest_s_ = newest;
    const auto estimate = offset_.estimate();
    if (!newest || !estimate) return;
    out.offset_ns = estimate->offset_ns;
    out.half_width_ns = estimate->half_width_ns;
    out.clock_from = "times on the exporter's pages";
  }

  [[nodiscard]] bool is_wanted(const ExpositionSample& sample) const {
    return std::any_of(rules_.begin(), rules_.end(),
                       [&](const Rule& rule) { return rule.metric == sample.name; });
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
  std::optional<double> newest_s_;  ///< latest time on a page
  int64_t last_sent_ns_ = 0;        ///< when the page before was asked for
};

}  // namespace

std::unique_ptr<SourceReader> make_text_reader(const SourceSpec& spec) {
  return std::make_unique<TextReader>(spec);
}

}  // namespace aieb::exporters
