#include "reporters/terminal.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "reporters/embodied_text.h"
#include "reporters/interval_text.h"
#include "reporters/metric_table.h"
#include "reporters/server_report.h"
#include "reporters/text_format.h"

namespace aieb {
namespace {

constexpr size_t kLabelWidth = 14;
constexpr size_t kValueWidth = 26;
constexpr size_t kIndent = 2;

/// One line: a label, its value, and what to know about it.
struct Row {
  std::string label;
  std::string value;
  std::string note;
  Tone tone = Tone::kPlain;
};

Quantity quantity(const Results& results, std::string_view key) {
  return std::get<Quantity>(metric(key).get(results));
}

std::string source_note(const Quantity& q) {
  if (q.known()) return std::string(to_string(q.source));
  return q.reason.empty() ? std::string(to_string(q.source)) : q.reason;
}

Row quantity_row(std::string label, const Results& results, std::string_view key) {
  const Quantity q = quantity(results, key);
  if (!q.known()) return {std::move(label), "unknown", source_note(q), Tone::kDim};
  return {std::move(label), quantity_text(q, metric(key).unit), source_note(q)};
}

Row prompts_row(const Results& r) {
  std::string value =
      count_text(r.successful_prompts) + " ok, " + count_text(r.failed_prompts) + " failed";
  if (r.cancelled_prompts > 0) value += ", " + count_text(r.cancelled_prompts) + " cancelled";
  if (r.not_begun_prompts > 0) value += ", " + count_text(r.not_begun_prompts) + " not begun";
  const Tone tone = r.failed_prompts > 0 ? Tone::kBad : Tone::kGood;
  return {"prompts", value, "measured for " + duration_text(r.measured_s), tone};
}

/// "exit code 0", "signal 15"; empty where no command was run.
std::string end_of_command(const Results& r) {
  const Json details = r.backend_info.value("details", Json::object());
  if (!details.is_object() || !details.contains("command_exit")) return "";
  const Json& end = details["command_exit"];
  const int signal = end.value("signal", 0);
  return signal != 0 ? "ended by signal " + std::to_string(signal)
                     : "exit code " + std::to_string(end.value("code", 0));
}

/// A recording without prompts: how long it was and what it drew.
void add_monitor_rows(std::vector<Row>& rows, const Results& r) {
  rows.push_back({"duration", duration_text(r.measured_s), end_of_command(r)});
  const Quantity& gross = r.measure.total.gross;
  if (!gross.known() || r.measured_s <= 0) return;
  const Quantity power = gross.scaled(1 / r.measured_s, "W");
  rows.push_back({"mean power", quantity_text(power, "W"), source_note(power)});
}

void add_work_rows(std::vector<Row>& rows, const Results& r) {
  if (r.is_monitor()) return add_monitor_rows(rows, r);
  rows.push_back(prompts_row(r));
  if (r.output_tokens) {
    rows.push_back({"tokens", count_text(*r.output_tokens) + " out",
                    r.prompt_tokens ? count_text(*r.prompt_tokens) + " in" : ""});
  }
  const std::pair<const char*, const std::optional<Distribution>*> latencies[] = {
      {"TTFT", &r.ttft_s},
      {"TTFA", &r.ttfa_s},
      {"latency", &r.e2e_s},
      {"  from plan", &r.e2e_from_planned_s},
      {"send lag", &r.send_lag_s}};
  for (const auto& [label, distribution] : latencies) {
    if (!*distribution) continue;
    rows.push_back({label, "p50 " + duration_text((*distribution)->p50),
                    "p95 " + duration_text((*distribution)->p95) + ", p99 " +
                        duration_text((*distribution)->p99)});
  }
  if (r.output_tokens_per_s) {
    rows.push_back({"speed", number_text(*r.output_tokens_per_s) + " tokens/s",
                    r.decode_tokens_per_s
                        ? "decode " + number_text(*r.decode_tokens_per_s) + " tokens/s"
                        : ""});
  }
}

void add_load_rows(std::vector<Row>& rows, const Results& r) {
  if (r.goodput) {
    std::string note = "met by " + count_text(r.goodput->good) + " of " +
                       count_text(r.goodput->judged) + " prompts";
    for (const auto& [limit, count] : r.goodput->missed) {
      if (count > 0) note += ", " + limit + " missed by " + count_text(count);
    }
    rows.push_back({"goodput", number_text(r.goodput->requests_per_s) + " prompts/s", note});
  }
  if (const auto& steady = r.steady_state) {
    std::string value = duration_text(steady->duration_s);
    if (steady->output_tokens_per_s) {
      value += ", " + number_text(*steady->output_tokens_per_s) + " tokens/s";
    }
    std::string note = "ramp " + duration_text(steady->ramp.duration_s) + ", drain " +
                       duration_text(steady->drain.duration_s);
    if (steady->energy_per_output_token.known()) {
      note += "; " + quantity_text(steady->energy_per_output_token, "J") + " per token";
    }
    rows.push_back({"steady state", value, note});
  }
}

/// What the server says of itself, below a line that names it.
void add_server_rows(std::vector<Row>& rows, const Results& r) {
  const std::vector<ServerRow> found = server_rows(r);
  if (found.empty()) return;
  const ServerTruth truth = *server_of(r);
  rows.push_back({"server says", truth.engine, truth.url});
  for (const ServerRow& row : found) rows.push_back({"  " + row.label, row.value, row.note});
}

/// What the client itself adds, and whether that mattered.
void add_client_row(std::vector<Row>& rows, const Results& r) {
  if (!r.client) return;
  std::vector<std::string> parts;
  if (r.client->energy.known()) parts.push_back("about " + to_text(r.client->energy));
  if (const auto& own = r.client->calibration) {
    parts.push_back("adds " + duration_text(std::max(0.0, own->ttft_error_mean_s)) + " to a TTFT");
    if (own->itl_std_s) parts.push_back("ITL σ " + duration_text(*own->itl_std_s));
    if (own->send_lag_p99_s) parts.push_back("send lag p99 " + duration_text(*own->send_lag_p99_s));
  }
  if (const auto opened = r.client->connections_opened) {
    parts.push_back(*opened == 0 ? "connections open before"
                                 : std::to_string(*opened) + " connections opened in the run");
  }
  if (!r.client->limits.empty()) parts.emplace_back("limited the run");
  rows.push_back({"client", r.client->cpu_cores ? number_text(*r.client->cpu_cores) + " cores" : "",
                  joined(parts, ", ")});
}

void add_component_rows(std::vector<Row>& rows, const Results& r) {
  constexpr std::pair<Component, std::pair<const char*, const char*>> kComponents[] = {
      {Component::kGpu, {"  gpu", "gpu_energy_wh"}},
      {Component::kCpu, {"  cpu", "cpu_energy_wh"}},
      {Component::kDram, {"  ram", "ram_energy_wh"}},
      {Component::kNode, {"  node", "node_energy_wh"}},
      {Component::kDisk, {"  disk", "disk_energy_wh"}},
      {Component::kNetwork, {"  network", "network_energy_wh"}},
  };
  for (const auto& [component, names] : kComponents) {
    if (!r.measure.components.contains(component)) continue;
    rows.push_back(quantity_row(names.first, r, names.second));
    if (!in_total(component)) rows.back().note += ", beside the total";
  }
}

Row emissions_row(const Results& r) {
  Row row = quantity_row("emissions", r, "total_emissions_g_co2eq");
  if (!r.carbon || !r.emissions.known()) return row;
  const CarbonFactor& c = *r.carbon;
  const std::string& country = c.country_name.empty() ? c.country_iso_code : c.country_name;
  row.note = number_text(c.g_per_kwh) + " g/kWh";
  if (!country.empty()) row.note += ", " + country;
  if (!c.region.empty()) row.note += " (" + c.region + ")";
  if (c.series) {
    row.note += ", mean of " + count_text(static_cast<int64_t>(c.series->intervals.size())) +
                " values by time of " + c.series->file;
  }
  if (c.year > 0) row.note += ", " + std::to_string(c.year);
  if (c.pue != 1.0) row.note += ", PUE " + number_text(c.pue);
  if (c.assumed) row.note += " (assumed)";
  return row;
}

/// Of what was asked for: water, and what making the devices emitted.
void add_footprint_rows(std::vector<Row>& rows, const Results& r) {
  rows.push_back(emissions_row(r));
  if (r.water.known()) {
    rows.push_back(quantity_row("water", r, "water_l"));
    rows.back().note = number_text(r.carbon->wue_l_per_kwh) + " L/kWh of IT energy";
  }
  if (r.embodied_parts.empty()) return;
  rows.push_back(quantity_row("embodied", r, "embodied_emissions_g_co2eq"));
  if (r.embodied.known()) rows.back().note = "beside the emissions: " + embodied_text(r);
}

void add_energy_rows(std::vector<Row>& rows, const Results& r) {
  if (r.energy_disabled) {
    rows.push_back({"energy", "not measured", "metrics.enabled is false", Tone::kDim});
    return;
  }
  Row total = quantity_row("energy", r, "total_energy_wh");
  if (r.measure.total.gross.known()) {
    total.tone = Tone::kBold;
    if (!r.measure.complete) total.note = "without " + joined(r.measure.missing, ", ");
  }
  rows.push_back(std::move(total));
  add_component_rows(rows, r);
  if (r.measure.total.active.known()) {
    Row active = quantity_row("  above idle", r, "active_energy_wh");
    active.note = "idle power " + quantity_text(r.measure.total.baseline, "W");
    rows.push_back(std::move(active));
  }
  if (!r.measure.total.gross.known()) return;
  if (!r.is_monitor()) {
    rows.push_back(quantity_row("per token", r, "energy_per_output_token_j"));
    rows.back().note = "gross energy over output tokens";
    rows.push_back(quantity_row("per prompt", r, "energy_per_request_j"));
    rows.back().note = "gross energy over answered prompts";
  }
  add_footprint_rows(rows, r);
}

void add_cost_row(std::vector<Row>& rows, const Results& r) {
  if (!r.cost.total.known()) return;
  Row row{"cost", to_text(r.cost.total), ""};
  if (r.cost.per_1000_prompts.known()) {
    row.note = to_text(r.cost.per_1000_prompts) + " for 1,000 prompts";
  }
  rows.push_back(std::move(row));
}

/// Labels of the intervals that have a row, by key.
constexpr std::pair<std::string_view, const char*> kIntervalRows[] = {
    {"total_energy_j", "  energy"},
    {"gpu_energy_j", "  gpu"},
    {"energy_per_output_token_j", "  per token"},
    {"energy_per_request_j", "  per prompt"},
    {"output_tokens_per_s", "  speed"},
    {"throughput_prompts_per_sec", "  prompts"},
    {"ttft_s", "  TTFT, mean"},
    {"tpot_s", "  TPOT, mean"},
    {"e2e_s", "  latency"},
};

/// Means of a repeat with their intervals; of a single repeat, of what its requests tell.
void add_interval_rows(std::vector<Row>& rows, const Results& r) {
  if (r.repeats.size() > 1) {
    Row row{"repeats", count_text(static_cast<int64_t>(r.repeats.size())), "", Tone::kBold};
    const int64_t flagged = flagged_repeats(r);
    row.note = flagged == 0 ? "none flagged" : count_text(flagged) + " flagged, none left out";
    rows.push_back(std::move(row));
  } else if (!r.intervals.empty()) {
    rows.push_back({"95 % intervals", "", ""});
  }
  for (const auto& [key, label] : kIntervalRows) {
    const auto found = std::ranges::find(r.intervals, key, &MetricInterval::key);
    if (found == r.intervals.end()) continue;
    rows.push_back({label, interval_text(*found), "of the mean, from " + interval_basis(*found)});
  }
}

std::string render(const Row& row, const TerminalStyle& style) {
  const std::string indent(kIndent, ' ');
  std::string out = indent + padded(row.label, kLabelWidth) + toned(row.value, row.tone, style);
  if (row.note.empty()) return out + "\n";
  const size_t value_width = std::max(kValueWidth, display_width(row.value) + 2);
  const size_t start = kIndent + kLabelWidth + value_width;
  out += std::string(value_width - display_width(row.value), ' ');
  const size_t room = style.width > start + 20 ? style.width - start : 20;
  const std::vector<std::string> lines = wrapped(row.note, room);
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) out += std::string(start, ' ');
    out += toned(lines[i], Tone::kDim, style) + "\n";
  }
  return out;
}

std::string headline(const Results& r, const TerminalStyle& style) {
  std::string rest = r.backend;
  if (!r.engine.empty() && r.engine != r.backend) rest += " (" + r.engine + ")";
  return toned(r.name, Tone::kBold, style) + "  " + r.model + "  " +
         toned(rest, Tone::kDim, style) + "\n";
}

std::string files_block(const Json& files) {
  if (!files.is_object() || files.empty()) return "";
  size_t width = kLabelWidth - 2;
  for (const auto& [label, path] : files.items()) width = std::max(width, label.size() + 2);
  std::string out = "\n  files\n";
  for (const auto& [label, path] : files.items()) {
    if (path.is_string()) out += "    " + padded(label, width) + path.get<std::string>() + "\n";
  }
  return out;
}

std::string warnings_block(const Results& r, const TerminalStyle& style) {
  if (r.warnings.empty()) return "";
  std::string out = "\n  " + toned("warnings", Tone::kWarning, style) + "\n";
  for (const std::string& warning : r.warnings) {
    const char* bullet = "    - ";
    for (const std::string& line : wrapped(warning, style.width - 6)) {
      out += bullet + line + "\n";
      bullet = "      ";
    }
  }
  return out;
}

}  // namespace

std::string toned(std::string_view text, Tone tone, const TerminalStyle& style) {
  constexpr std::array kCodes = {"", "1", "2", "32", "31", "33"};
  const std::string_view code = kCodes.at(static_cast<size_t>(tone));
  if (!style.color || code.empty() || text.empty()) return std::string(text);
  return "\x1b[" + std::string(code) + "m" + std::string(text) + "\x1b[0m";
}

std::string terminal_report(const Results& results, const TerminalStyle& style) {
  std::vector<Row> work;
  std::vector<Row> energy;
  add_work_rows(work, results);
  add_load_rows(work, results);
  add_server_rows(work, results);
  add_client_row(work, results);
  add_energy_rows(energy, results);
  add_cost_row(energy, results);
  std::vector<Row> intervals;
  add_interval_rows(intervals, results);
  std::string out = headline(results, style);
  for (const std::vector<Row>& rows : {work, energy, intervals}) {
    if (!rows.empty()) out += "\n";
    for (const Row& row : rows) out += render(row, style);
  }
  return out + files_block(results.files) + warnings_block(results, style);
}

}  // namespace aieb
