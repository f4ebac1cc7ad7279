#pragma once

#include <string>
#include <vector>

#include "analysis/compare.h"
#include "core/json.h"
#include "reporters/terminal.h"

namespace aieb::cli {

/// Several runs, and each but the first held against the first.
struct ComparedRuns {
  std::vector<Results> runs;
  std::vector<Comparison> against_first;  ///< one less than runs
};

/// "A", "B", …, "Z", "AA": how tables and drawings name the runs.
std::string run_letter(size_t index);

/// What may be said of the energy of run `index` against the first, in one sentence: "B used 18.6 %
/// less energy per output token than A: −6.4 ± 0.4 J, more than chance explains."
std::string verdict_sentence(const ComparedRuns& compared, size_t index);

/// More than two runs side by side for a person: a column a run, with the change against A and
/// whether it is larger than its uncertainty.
std::string comparison_table(const ComparedRuns& compared, const TerminalStyle& style);

/// {runs: [name, …], comparisons: [as of two runs, …]}.
Json comparisons_json(const ComparedRuns& compared);

/// One page for a browser, with energy drawn against latency and against throughput.
std::string comparison_page(const ComparedRuns& compared);

}  // namespace aieb::cli
