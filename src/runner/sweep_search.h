#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace aieb {

/// What a search for the highest load that meets the service level looks through.
struct SearchRange {
  std::string key;  ///< scenario.load.request_rate or scenario.load.concurrency
  double low = 0;
  double high = 0;
  bool whole = false;       ///< only whole numbers: concurrency
  double tolerance = 0.05;  ///< the interval of the answer, relative to its lower end
  int max_probes = 30;

  bool operator==(const SearchRange&) const = default;
};

/// Reads "scenario.load.request_rate=LOW..HIGH". Throws ConfigError for another key, for what are
/// not two numbers, and unless 0 < LOW < HIGH.
SearchRange parse_search_range(std::string_view word);

/// One measured load.
struct SearchProbe {
  double load = 0;
  bool met = false;  ///< the fraction of good requests reached the target
};

enum class SearchState {
  kProbe,        ///< measure `next`
  kFound,        ///< between `met` and `missed`
  kNoneMet,      ///< already the low end misses
  kAllMet,       ///< even the high end meets
  kOutOfProbes,  ///< the interval is still wider than the tolerance
};

struct SearchStep {
  SearchState state = SearchState::kProbe;
  double next = 0;                       ///< with kProbe
  std::optional<double> met;             ///< highest load below every miss
  std::optional<double> missed;          ///< lowest load that missed, even once
  std::vector<double> met_above_missed;  ///< loads above `missed` that met nevertheless
};

/// What to measure next, given all that was measured, in any order; a pure function, so that an
/// interrupted search goes on where it was.
///
/// 1. LOW, then twice that, and again, until a load misses or HIGH meets.
/// 2. Bisection between the highest load below every miss and the lowest that missed, until these
///    are within the tolerance (whole numbers: until they are neighbours).
/// 3. Bisection alone cannot notice that goodput does not fall with load, so two more loads are
///    measured: the answer again, which must meet twice (if it misses, it becomes the upper end and
///    the search goes on below), and one half as high again as the lowest miss, which should miss
///    (`met_above_missed` if not).
SearchStep next_search_step(const SearchRange& range, std::span<const SearchProbe> probes);

/// What a finished search found, in sentences.
std::string search_sentence(const SearchRange& range, const SearchStep& step, double target);

/// A load as a configuration value: "12", "3.75".
std::string load_text(double load);

}  // namespace aieb
