#include "cli/sweep_report.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include <fmt/format.h>

#include "analysis/compare.h"
#include "analysis/marginal.h"
#include "cli/comparison_many.h"
#include "cli/run_store.h"
#include "cli/text_table.h"
#include "reporters/csv_format.h"
#include "reporters/text_format.h"

namespace aieb::cli {
namespace {

constexpr const char* kUnknown = "–";
constexpr const char* kNotMeasured = "the point was not measured";

std::optional<double> percentile(const std::optional<Distribution>& d, double Distribution::* at) {
  return d ? std::optional((*d).*at) : std::nullopt;
}

/// The numbers of a point that carry no uncertainty, by their names in JSON and CSV.
struct NumberColumn {
  const char* key;
  std::optional<double> (*value)(const Results&);
};
constexpr std::array kNumbers = {
    NumberColumn{"requests",
                 [](const Results& r) { return std::optional<double>(r.total_prompts); }},
    NumberColumn{"failed_requests",
                 [](const Results& r) { return std::optional<double>(r.failed_prompts); }},
    NumberColumn{"measured_s", [](const Results& r) { return std::optional(r.measured_s); }},
    NumberColumn{"requests_per_s", [](const Results& r) { return r.throughput_prompts_per_s; }},
    NumberColumn{"output_tokens_per_s", [](const Results& r) { return r.output_tokens_per_s; }},
    NumberColumn{"ttft_p50_s",
                 [](const Results& r) { return percentile(r.ttft_s, &Distribution::p50); }},
    NumberColumn{"ttft_p95_s",
                 [](const Results& r) { return percentile(r.ttft_s, &Distribution::p95); }},
    NumberColumn{"tpot_p50_s",
                 [](const Results& r) { return percentile(r.tpot_s, &Distribution::p50); }},
    NumberColumn{"tpot_p95_s",
                 [](const Results& r) { return percentile(r.tpot_s, &Distribution::p95); }},
    NumberColumn{"e2e_p50_s",
                 [](const Results& r) { return percentile(r.e2e_s, &Distribution::p50); }},
    NumberColumn{"e2e_p95_s",
                 [](const Results& r) { return percentile(r.e2e_s, &Distribution::p95); }},
    NumberColumn{"goodput_fraction",
                 [](const Results& r) {
                   return r.goodput ? std::optional(r.goodput->fraction) : std::nullopt;
                 }},
    NumberColumn{"goodput_requests_per_s",
                 [](const Results& r) {
                   return r.goodput ? std::optional(r.goodput->requests_per_s) : std::nullopt;
                 }},
};

struct EnergyColumn {
  const char* key;
  const char* heading;
  Quantity (*value)(const SweepRow&);
};
constexpr std::array kEnergies = {
    EnergyColumn{"energy_per_request_j", "J/request",
                 [](const SweepRow& r) { return r.results->energy_per_request; }},
    EnergyColumn{"energy_per_output_token_j", "J/token",
                 [](const SweepRow& r) { return r.results->energy_per_output_token; }},
    EnergyColumn{"marginal_energy_per_token_j", "marginal J/token",
                 [](const SweepRow& r) { return r.marginal_energy_per_token; }},
};

Quantity energy_of(const SweepRow& row, const EnergyColumn& column) {
  return row.results ? column.value(row) : Quantity::missing("J", kNotMeasured);
}

/// The load of a point, and its other settings as the name of the group it belongs to.
struct LoadOfRow {
  std::optional<double> load;
  std::string others;
};

LoadOfRow load_of(const SweepRow& row) {
  LoadOfRow out;
  for (const SweepSetting& s : row.entry.settings) {
    if (!out.load && is_load_key(s.key)) {
      out.load = std::stod(s.value);
    } else {
      out.others += s.key + "=" + s.value + "\n";
    }
  }
  return out;
}

/// Of a load that was measured several times, the first is the one held against its neighbours.
void add_marginal_energies(std::vector<SweepRow>& rows) {
  std::map<std::string, std::map<double, SweepRow*>> groups;
  for (SweepRow& row : rows) {
    const LoadOfRow at = load_of(row);
    row.marginal_energy_per_token =
        Quantity::missing("J", at.load ? "there is no lower load" : "no load is swept");
    if (!at.load || !row.results) continue;
    const bool first = groups[at.others].emplace(*at.load, &row).second;
    if (!first) row.marginal_energy_per_token.reason = "the load was measured before";
  }
  for (auto& [others, loads] : groups) {
    const SweepRow* lower = nullptr;
    for (auto& [load, row] : loads) {
      if (lower) {
        row->marginal_energy_per_token = marginal_energy_per_token(*lower->results, *row->results);
      }
      lower = row;
    }
  }
}

std::string number_or_unknown(std::optional<double> value) {
  return value ? number_text(*value) : kUnknown;
}

std::string two_percentiles(const std::optional<Distribution>& d) {
  return d ? duration_text(d->p50) + " / " + duration_text(d->p95) : kUnknown;
}

std::string energy_text(const Quantity& q) {
  if (!q.known()) return kUnknown;
  const std::string text = to_text(q);
  return text.substr(0, text.rfind(' '));
}

std::vector<std::string> table_cells(const SweepRow& row) {
  const Results& r = *row.results;
  std::vector<std::string> cells = {
      label_of(row.entry.settings),
      number_or_unknown(r.throughput_prompts_per_s),
      number_or_unknown(r.output_tokens_per_s),
      two_percentiles(r.ttft_s),
      two_percentiles(r.tpot_s),
      two_percentiles(r.e2e_s),
      r.goodput ? fmt::format("{:.1f} %", r.goodput->fraction * 100) : kUnknown};
  for (const EnergyColumn& column : kEnergies) cells.push_back(energy_text(column.value(row)));
  if (row.entry.met) cells[6] += *row.entry.met ? " met" : " missed";
  return cells;
}

/// A search's points by their load, others in their order.
std::vector<const SweepRow*> table_order(const std::vector<SweepRow>& rows) {
  std::vector<const SweepRow*> out;
  for (const SweepRow& row : rows) out.push_back(&row);
  const bool search =
      std::ranges::any_of(rows, [](const SweepRow& r) { return r.entry.met.has_value(); });
  const auto load = [](const SweepRow* row) { return load_of(*row).load.value_or(0); };
  if (search) std::ranges::stable_sort(out, {}, load);
  return out;
}

/// What the energies are when they are not all measured.
std::string source_text(const std::vector<SweepRow>& rows) {
  std::set<std::string> sources;
  for (const SweepRow& row : rows) {
    if (!row.results || !row.results->energy_per_request.known()) continue;
    const Source source = row.results->energy_per_request.source;
    const bool measured = source == Source::kMeasuredCounter || source == Source::kIntegratedPower;
    if (!measured) sources.emplace(to_string(source));
  }
  const std::vector<std::string> names(sources.begin(), sources.end());
  return names.empty() ? "" : "J: " + joined(names, ", ") + "; ± is the 95 % interval\n";
}

/// Why numbers of the table are absent: each reason once.
std::string reasons_text(const std::vector<SweepRow>& rows, const TerminalStyle& style) {
  std::string out;
  for (const SweepRow& row : rows) {
    if (row.entry.measured()) continue;
    out += toned("failed: ", Tone::kBad, style) + label_of(row.entry.settings) + ": " +
           row.entry.failure + "\n";
  }
  for (const EnergyColumn& column : kEnergies) {
    std::vector<std::string> seen;
    for (const SweepRow& row : rows) {
      if (!row.results) continue;
      const Quantity q = column.value(row);
      if (q.known() || q.reason.empty() || std::ranges::count(seen, q.reason) > 0) continue;
      seen.push_back(q.reason);
      out += fmt::format("{} {}: {}\n", kUnknown, column.heading, q.reason);
    }
  }
  return out;
}

Json row_json(const SweepRow& row) {
  Json metrics = Json::object();
  for (const NumberColumn& column : kNumbers) {
    const auto value = row.results ? column.value(*row.results) : std::nullopt;
    metrics[column.key] = value ? Json(*value) : Json(nullptr);
  }
  for (const EnergyColumn& column : kEnergies) {
    metrics[column.key] = to_json(energy_of(row, column));
  }
  return metrics;
}

std::vector<std::string> header_of(const SweepSettings& settings) {
  std::vector<std::string> out;
  for (const SweepSetting& s : settings) out.push_back(csv_cell(s.key));
  for (const char* name : {"state", "reason", "run_id", "trace"}) out.emplace_back(name);
  for (const NumberColumn& column : kNumbers) out.emplace_back(column.key);
  for (const EnergyColumn& column : kEnergies) {
    out.emplace_back(column.key);
    out.push_back(std::string(column.key) + "_uncertainty");
  }
  return out;
}

std::vector<std::string> csv_cells(const SweepRow& row) {
  std::vector<std::string> out;
  for (const SweepSetting& s : row.entry.settings) out.push_back(csv_cell(s.value));
  const bool measured = row.entry.measured();
  for (const std::string& text :
       {std::string(measured ? "measured" : "failed"), row.entry.failure,
        row.results ? row.results->run_id : std::string(), row.entry.trace}) {
    out.push_back(csv_cell(text));
  }
  for (const NumberColumn& column : kNumbers) {
    const auto value = row.results ? column.value(*row.results) : std::nullopt;
    out.push_back(csv_cell(value ? Json(*value) : Json(nullptr)));
  }
  for (const EnergyColumn& column : kEnergies) {
    const Quantity q = energy_of(row, column);
    out.push_back(csv_cell(q.known() ? Json(*q.value) : Json(nullptr)));
    out.push_back(csv_cell(q.known() ? Json(q.uncertainty()) : Json(nullptr)));
  }
  return out;
}

/// What the points of a sweep differ in on purpose is no reason against comparing them.
bool concerns_the_machine(const std::string& difference) {
  return std::ranges::any_of(std::array{"CPU:", "GPUs:", "measured components:"},
                             [&](const char* label) { return difference.starts_with(label); });
}

}  // namespace

std::vector<SweepRow> sweep_rows(const SweepManifest& manifest) {
  std::vector<SweepRow> rows;
  for (const SweepEntry& entry : manifest.entries) {
    SweepRow row{entry, std::nullopt, {}};
    if (entry.measured()) {
      row.results = load_results(entry.trace);
      row.results->requests.clear();
      row.results->power.clear();
    }
    rows.push_back(std::move(row));
  }
  add_marginal_energies(rows);
  return rows;
}

std::string sweep_table(const std::vector<SweepRow>& rows, const TerminalStyle& style) {
  std::vector<std::string> head = {
      "", "requests/s", "tokens/s", "TTFT p50 / p95", "TPOT p50 / p95", "E2E p50 / p95", "goodput"};
  for (const EnergyColumn& column : kEnergies) head.emplace_back(column.heading);
  TextTable table(head);
  for (const SweepRow* row : table_order(rows)) {
    if (row->results) table.add(table_cells(*row));
  }
  return table.text() + source_text(rows) + reasons_text(rows, style);
}

Json sweep_json(const SweepManifest& manifest, const std::vector<SweepRow>& rows,
                const std::string& conclusion, const std::string& folder) {
  Json out = to_json(manifest, folder);
  if (!conclusion.empty()) out["conclusion"] = conclusion;
  for (size_t i = 0; i < rows.size(); ++i) {
    Json& point = out["points"][i];
    point["run_id"] = rows[i].results ? Json(rows[i].results->run_id) : Json(nullptr);
    point["metrics"] = row_json(rows[i]);
  }
  return out;
}

std::string sweep_csv(const std::vector<SweepRow>& rows) {
  std::string out;
  for (const SweepRow& row : rows) {
    if (out.empty()) out = joined(header_of(row.entry.settings), ",") + "\n";
    out += joined(csv_cells(row), ",") + "\n";
  }
  return out;
}

std::string sweep_page(const std::vector<SweepRow>& rows) {
  ComparedRuns compared;
  for (const SweepRow& row : rows) {
    if (!row.results) continue;
    compared.runs.push_back(*row.results);
    compared.runs.back().name = label_of(row.entry.settings);
  }
  if (compared.runs.size() < 2) return "";
  for (size_t i = 1; i < compared.runs.size(); ++i) {
    Comparison comparison = compare(compared.runs.front(), compared.runs[i]);
    std::erase_if(comparison.not_comparable,
                  [](const std::string& text) { return !concerns_the_machine(text); });
    compared.against_first.push_back(std::move(comparison));
  }
  return comparison_page(compared);
}

}  // namespace aieb::cli
