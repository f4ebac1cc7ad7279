#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/quantity.h"
#include "core/results.h"
#include "reporters/terminal.h"
#include "runner/sweep_manifest.h"

namespace aieb::cli {

/// One line of a sweep's table.
struct SweepRow {
  SweepEntry entry;
  std::optional<Results> results;  ///< absent: failed before anything was measured
  /// J per further output token, against the next lower load with otherwise equal settings.
  Quantity marginal_energy_per_token;
};

/// The rows of a manifest in its order, with results analysed from the traces. The lists of single
/// requests are dropped. Throws what reading a trace throws.
std::vector<SweepRow> sweep_rows(const SweepManifest& manifest);

/// For a person: a line a point, then the points that failed and why.
std::string sweep_table(const std::vector<SweepRow>& rows, const TerminalStyle& style);

/// The manifest with the metrics of every point; `conclusion` of a search, else empty.
Json sweep_json(const SweepManifest& manifest, const std::vector<SweepRow>& rows,
                const std::string& conclusion, const std::string& folder);

/// A header and a row a point: the swept keys, state, reason, then every metric; an uncertainty
/// (95 %) has its own column.
std::string sweep_csv(const std::vector<SweepRow>& rows);

/// Energy drawn against latency and throughput, as `aieb compare --html`. Empty when fewer than two
/// points were measured.
std::string sweep_page(const std::vector<SweepRow>& rows);

}  // namespace aieb::cli
