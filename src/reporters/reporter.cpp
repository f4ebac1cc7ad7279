#include "reporters/reporter.h"

#include <algorithm>
#include <array>

#include "core/error.h"
#include "reporters/codecarbon.h"
#include "reporters/csv.h"
#include "reporters/jsonl.h"
#include "reporters/markdown.h"
#include "reporters/results_json.h"

namespace aieb {
namespace {

constexpr std::array kReporters = {
    Reporter{"csv", ".csv", WriteMode::kAppendRows, "one row a run, the reference's columns first",
             csv_report},
    Reporter{"json", ".json", WriteMode::kReplace, "everything, see docs/results.md", json_report},
    Reporter{"jsonl", ".jsonl", WriteMode::kReplace, "one line a prompt", jsonl_report},
    Reporter{"markdown", ".md", WriteMode::kReplace, "tables for a README or an issue",
             markdown_report},
    Reporter{"codecarbon", ".csv", WriteMode::kAppendRows, "CodeCarbon's emissions.csv",
             codecarbon_report},
};

}  // namespace

std::span<const Reporter> reporters() { return kReporters; }

const Reporter& find_reporter(std::string_view name) {
  const auto found = std::ranges::find(kReporters, name, &Reporter::name);
  if (found != kReporters.end()) return *found;
  std::string known;
  for (const Reporter& r : kReporters) known += (known.empty() ? "" : ", ") + std::string(r.name);
  throw ConfigError("unknown report format '" + std::string(name) + "' (known: " + known + ")");
}

}  // namespace aieb
