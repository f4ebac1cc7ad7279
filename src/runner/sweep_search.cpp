#include "runner/sweep_search.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error.h"
#include "runner/sweep_grid.h"

namespace aieb {
namespace {

constexpr std::string_view kDots = "..";
/// The load above the interval that is tried in the end, in units of the lowest that missed.
constexpr double kCheckFactor = 1.5;
/// Rates have no more digits than a person would give them.
constexpr double kRateSteps = 1000;

std::optional<double> number_from(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// All that was measured, seen as the search sees it.
class Evidence {
 public:
  Evidence(const SearchRange& range, std::span<const SearchProbe> probes)
      : range_(range), probes_(probes) {
    for (const SearchProbe& p : probes_) {
      if (!p.met && (!missed_ || p.load < *missed_)) missed_ = p.load;
    }
    for (const SearchProbe& p : probes_) {
      if (p.met && (!missed_ || p.load < *missed_) && (!met_ || p.load > *met_)) met_ = p.load;
    }
  }

  [[nodiscard]] SearchStep step() const {
    SearchStep out = summary();
    if (const auto next = wanted()) {
      out.next = *next;
      const bool spent = probes_.size() >= static_cast<size_t>(range_.max_probes);
      out.state = spent ? SearchState::kOutOfProbes : SearchState::kProbe;
    } else if (!met_) {
      out.state = SearchState::kNoneMet;
    } else {
      out.state = missed_ ? SearchState::kFound : SearchState::kAllMet;
    }
    return out;
  }

 private:
  [[nodiscard]] SearchStep summary() const {
    SearchStep out;
    out.met = met_;
    out.missed = missed_;
    for (const SearchProbe& p : probes_) {
      if (missed_ && p.met && p.load > *missed_) out.met_above_missed.push_back(p.load);
    }
    std::ranges::sort(out.met_above_missed);
    return out;
  }

  /// The load to measure; absent when everything needed is known.
  [[nodiscard]] std::optional<double> wanted() const {
    if (!met_) return missed_ && *missed_ <= range_.low ? std::nullopt : std::optional(range_.low);
    if (!missed_) {
      if (*met_ < range_.high) return std::min(*met_ * 2, range_.high);
      return count_at(*met_) < 2 ? met_ : std::nullopt;
    }
    if (!close_enough()) return between(*met_, *missed_);
    if (count_at(*met_) < 2) return met_;
    return check_above();
  }

  [[nodiscard]] bool close_enough() const {
    const double gap = *missed_ - *met_;
    if (gap <= range_.tolerance * *met_ || (range_.whole && gap <= 1)) return true;
    const double middle = between(*met_, *missed_);
    return middle <= *met_ || middle >= *missed_;
  }

  [[nodiscard]] double between(double a, double b) const { return rounded((a + b) / 2); }

  [[nodiscard]] double rounded(double load) const {
    if (range_.whole) return std::round(load);
    const double unit = std::pow(10, std::floor(std::log10(load))) / kRateSteps;
    return unit < 1 ? std::round(load / unit) / std::round(1 / unit)
                    : std::round(load / unit) * unit;
  }

  [[nodiscard]] std::optional<double> check_above() const {
    const double above = std::min(range_.high, rounded(*missed_ * kCheckFactor));
    const bool known =
        std::ranges::any_of(probes_, [above](const SearchProbe& p) { return p.load >= above; });
    return known || above <= *missed_ ? std::nullopt : std::optional(above);
  }

  [[nodiscard]] int64_t count_at(double load) const {
    return std::ranges::count(probes_, load, &SearchProbe::load);
  }

  const SearchRange& range_;
  std::span<const SearchProbe> probes_;
  std::optional<double> met_;
  std::optional<double> missed_;
};

std::string found_text(const SearchRange& range, const SearchStep& step) {
  const std::string met = load_text(*step.met);
  switch (step.state) {
    case SearchState::kAllMet:
      return fmt::format("even {} = {}, the end of the range, meets", range.key, met);
    case SearchState::kFound:
      return fmt::format("{} = {} meets, measured twice, and {} does not meet", range.key, met,
                         load_text(*step.missed));
    default:
      return fmt::format(
          "{} = {} meets; the search stopped after {} points, before it was as close "
          "as asked",
          range.key, met, range.max_probes);
  }
}

}  // namespace

SearchRange parse_search_range(std::string_view word) {
  const size_t equals = word.find('=');
  const size_t dots = word.find(kDots, equals == std::string_view::npos ? 0 : equals);
  const std::string_view key = word.substr(0, equals);
  if (equals == std::string_view::npos || dots == std::string_view::npos) {
    throw ConfigError(fmt::format("--search takes KEY=LOW..HIGH, found '{}'", word));
  }
  if (!is_load_key(key)) {
    throw ConfigError(
        fmt::format("--search looks for the highest scenario.load.request_rate or "
                    "scenario.load.concurrency, not for '{}'",
                    key));
  }
  const auto low = number_from(word.substr(equals + 1, dots - equals - 1));
  const auto high = number_from(word.substr(dots + kDots.size()));
  SearchRange range{.key = std::string(key), .low = low.value_or(0), .high = high.value_or(0)};
  range.whole = key.ends_with("concurrency");
  const bool whole = range.low == std::floor(range.low) && range.high == std::floor(range.high);
  if (!low || !high || !(range.low > 0) || !(range.high > range.low) ||
      !std::isfinite(range.high) || (range.whole && !whole)) {
    throw ConfigError(fmt::format("'{}': LOW and HIGH must be {} with 0 < LOW < HIGH", word,
                                  range.whole ? "whole numbers" : "numbers"));
  }
  return range;
}

SearchStep next_search_step(const SearchRange& range, std::span<const SearchProbe> probes) {
  return Evidence(range, probes).step();
}

std::string search_sentence(const SearchRange& range, const SearchStep& step, double target) {
  const std::string goal = fmt::format("the target (goodput of at least {:g} %)", target * 100);
  if (!step.met) {
    return fmt::format("No load meets {}: already {} = {} does not.", goal, range.key,
                       load_text(range.low));
  }
  std::string out = fmt::format("Against {}: {}.", goal, found_text(range, step));
  if (step.met_above_missed.empty()) {
    return out + " That goodput falls with load was checked at the measured loads only.";
  }
  std::vector<std::string> above;
  for (const double load : step.met_above_missed) above.push_back(load_text(load));
  return out + fmt::format(
                   " Goodput does not fall steadily with load: {} met although {} did not. "
                   "Runs are too short, or the server is not in a steady state.",
                   fmt::join(above, ", "), load_text(*step.missed));
}

std::string load_text(double load) { return fmt::format("{}", load); }

}  // namespace aieb
