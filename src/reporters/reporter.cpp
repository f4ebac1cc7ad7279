#include "reporters/reporter.h"

#include <algorithm>
#include <array>
#include <vector>

#include "core/error.h"
#include "reporters/ai_energy_score.h"
#include "reporters/boamps.h"
#include "reporters/codecarbon.h"
#include "reporters/csv.h"
#include "reporters/html.h"
#include "reporters/jsonl.h"
#include "reporters/markdown.h"
#include "reporters/ml_energy.h"
#include "reporters/results_json.h"
#include "reporters/sqlite.h"
#include "reporters/text_format.h"

namespace aieb {
namespace {

constexpr std::array kReporters = {
    Reporter{"csv", ".csv", WriteMode::kAppendRows, "one row a run, the reference's columns first",
             csv_report},
    Reporter{"json", ".json", WriteMode::kReplace, "everything, see docs/results.md", json_report},
    Reporter{"jsonl", ".jsonl", WriteMode::kReplace, "one line a prompt", jsonl_report},
    Reporter{"html", ".html", WriteMode::kReplace,
             "one page with drawings, for a browser; needs no network", html_report},
    Reporter{"markdown", ".md", WriteMode::kReplace, "tables for a README or an issue",
             markdown_report},
    Reporter{"codecarbon", ".csv", WriteMode::kAppendRows, "CodeCarbon's emissions.csv",
             codecarbon_report},
    Reporter{"sqlite", ".db", WriteMode::kAddToDatabase,
             "database of runs, metrics and prompts; further runs are added", sqlite_report},
    Reporter{"boamps", ".json", WriteMode::kReplace, "Boavizta's BoAmps report", boamps_report},
    Reporter{"ml_energy", ".json", WriteMode::kReplace, "results.json of the ML.ENERGY benchmark",
             ml_energy_report},
    Reporter{"ai_energy_score", ".json", WriteMode::kReplace,
             "GPU_ENERGY_SUMMARY.json of AI Energy Score, GPU_ENERGY_WH.txt beside it",
             ai_energy_score_report, Companion{"GPU_ENERGY_WH.txt", ai_energy_score_total}},
};

}  // namespace

std::span<const Reporter> reporters() { return kReporters; }

const Reporter& find_reporter(std::string_view name) {
  const auto found = std::ranges::find(kReporters, name, &Reporter::name);
  if (found != kReporters.end()) return *found;
  std::vector<std::string> known;
  for (const Reporter& r : kReporters) known.emplace_back(r.name);
  throw ConfigError("unknown report format '" + std::string(name) +
                    "' (known: " + joined(known, ", ") + ")");
}

}  // namespace aieb
