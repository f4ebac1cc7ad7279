#include "reporters/html_data.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "core/clock.h"
#include "reporters/embodied_text.h"
#include "reporters/gpu_stats.h"
#include "reporters/html_text.h"
#include "reporters/interval_text.h"
#include "reporters/metric_table.h"
#include "reporters/metric_values.h"
#include "reporters/series_json.h"
#include "reporters/server_report.h"
#include "reporters/text_format.h"

namespace aieb {
namespace {

constexpr int kDigits = 5;
constexpr size_t kTextBytes = 600'000;  ///< of all answers together
constexpr size_t kLongestText = 600;

Json number(const std::optional<double>& value) {
  return value ? Json(rounded(*value, kDigits)) : Json(nullptr);
}

Json count(const std::optional<int64_t>& value) { return value ? Json(*value) : Json(nullptr); }

/// The first `limit` bytes, at a boundary of characters.
std::string cut(const std::string& text, size_t limit) {
  if (text.size() <= limit) return text;
  size_t end = limit;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end) + "…";
}

// --- headline ----------------------------------------------------------------------------------

/// A number at the top of the page.
struct Card {
  std::string_view key;  ///< of the metric table
  const char* label;
  const char* note;
};
constexpr std::array kCards = {
    Card{"total_energy_wh", "Energy", "gross, while measuring"},
    Card{"energy_per_output_token_j", "Per output token", "energy over all output tokens"},
    Card{"energy_per_request_j", "Per prompt", "energy over answered prompts"},
    Card{"mean_power_w", "Mean power", "energy over the measured time"},
    Card{"total_emissions_g_co2eq", "Emissions", "of that energy at this location"},
    Card{"embodied_emissions_g_co2eq", "Embodied emissions", "of making the devices"},
    Card{"output_tokens_per_s", "Speed", "output tokens per second"},
    Card{"total_cost", "Cost", "energy and GPU time at the given prices"},
    Card{"cost_per_1000_prompts", "Cost per 1,000 prompts", "at the given prices"},
};

Json card_json(const Card& card, const Results& r) {
  const Metric& m = metric(card.key);
  const MetricValue value = m.get(r);
  Json out = {{"key", card.key}, {"label", card.label}, {"note", card.note}};
  if (const auto* q = std::get_if<Quantity>(&value)) {
    out.update(quantity_json(*q, m.unit));
  } else if (const auto* plain = std::get_if<double>(&value)) {
    out.update({{"value", number_text(*plain)}, {"unit", m.unit}});
  } else {
    out["reason"] = "not observed";
  }
  return out;
}

Json cards_json(const Results& r) {
  Json out = Json::array();
  for (const Card& card : kCards) {
    const bool money = card.key.find("cost") != std::string_view::npos;
    const bool embodied = card.key.starts_with("embodied");
    if (money && !r.cost.total.known()) continue;  // nobody asked for it
    if (embodied && r.embodied_parts.empty()) continue;
    out.push_back(card_json(card, r));
    if (embodied) out.back()["note"] = "beside the emissions: " + embodied_text(r);
  }
  return out;
}

// --- energy ------------------------------------------------------------------------------------

Json part_json(const char* key, const char* label, const Quantity& energy_j) {
  Json out = {{"key", key}, {"label", label}};
  out["joules"] = energy_j.known() ? Json(*energy_j.value) : Json(nullptr);
  out.update(quantity_json(energy_j.scaled(1 / kJoulesPerWh, "Wh"), "Wh"));
  return out;
}

Json components_json(const Results& r) {
  constexpr std::array<std::pair<Component, const char*>, 3> kParts = {{
      {Component::kGpu, "GPUs"},
      {Component::kCpu, "CPU packages"},
      {Component::kDram, "Memory"},
  }};
  Json out = Json::array();
  for (const auto& [component, label] : kParts) {
    out.push_back(part_json(std::string(to_string(component)).c_str(), label,
                            metric_values::component_j(r, component)));
  }
  return out;
}

Json energy_json(const Results& r) {
  Json out = Json::array();
  const auto add = [&out](const char* title, const char* note, Json parts) {
    out.push_back({{"title", title}, {"note", note}, {"parts", std::move(parts)}});
  };
  add("By component", "gpu + cpu + memory is the total, as far as known", components_json(r));
  out.back()["sum_of_known"] = true;  // the other splits say nothing without one of their parts
  add("Idle and active", "idle: what doing nothing would have used in the same time",
      Json::array({part_json("idle", "Idle share", r.measure.total.idle_share),
                   part_json("active", "Active", r.measure.total.active)}));
  add("By stage of a request",
      "until the first token: waiting and prefill; from then on: decode; outside: no request was "
      "in "
      "flight",
      Json::array({part_json("prefill", "Until the first token", r.before_first_token),
                   part_json("decode", "From the first token on", r.after_first_token),
                   part_json("outside", "Outside of requests", r.unattributed)}));
  return out;
}

// --- latency -----------------------------------------------------------------------------------

Json latency_json(const Results& r) {
  struct Row {
    const char* key;
    const char* label;
    const char* note;
    std::optional<Distribution> Results::* member;
  };
  constexpr std::array kRows = {
      Row{"ttft_s", "Time to first token", "from sending a prompt to its first token",
          &Results::ttft_s},
      Row{"itl_s", "Inter-token latency", "between two tokens of an answer", &Results::itl_s},
      Row{"e2e_s", "End-to-end latency", "from sending a prompt to its last token",
          &Results::e2e_s},
      Row{"tpot_s", "Time per output token", "mean gap of each answer", &Results::tpot_s},
  };
  const Json histograms = histograms_json(r.histograms);
  Json out = Json::array();
  for (const Row& row : kRows) {
    Json entry = {{"key", row.key}, {"label", row.label}, {"note", row.note}};
    if (const auto& d = r.*row.member) {
      for (const Statistic& s : statistics()) {
        entry["stats"][std::string(s.name)] = rounded(s.get(*d), kDigits);
        entry["texts"][std::string(s.name)] = duration_text(s.get(*d));
      }
      entry["count"] = d->count;
    }
    if (histograms.contains(row.key)) entry["histogram"] = histograms[row.key];
    out.push_back(std::move(entry));
  }
  return out;
}

// --- prompts -----------------------------------------------------------------------------------

Json joules(const Quantity& q, double value) {
  return q.known() ? Json(rounded(value, kDigits)) : Json(nullptr);
}

/// Column by column: shorter than an object a row.
Json prompts_json(const Results& r) {
  const size_t limit = std::min(kLongestText, kTextBytes / std::max<size_t>(1, r.requests.size()));
  Json out = {{"index", Json::array()}};
  for (const RequestResult& q : r.requests) {
    const RequestRecord& record = q.record;
    out["index"].push_back(record.prompt_index);
    out["repeat"].push_back(record.repeat);
    out["status"].push_back(to_string(record.status));
    out["start"].push_back(number(q.start_s));
    out["prompt_tokens"].push_back(count(record.prompt_tokens));
    out["output_tokens"].push_back(count(record.output_tokens));
    out["ttft"].push_back(number(q.ttft_s));
    out["tpot"].push_back(number(q.tpot_s));
    out["latency"].push_back(number(q.latency_s));
    out["energy"].push_back(joules(q.energy, q.energy.value.value_or(0)));
    out["energy_uncertainty"].push_back(joules(q.energy, q.energy.uncertainty()));
    out["finish"].push_back(record.finish_reason);
    const std::string& text = record.error.empty() ? record.text : record.error;
    out["text"].push_back(cut(text, limit));
  }
  return out;
}

// --- repeats -----------------------------------------------------------------------------------

Json intervals_json(const Results& r) {
  Json out = Json::array();
  for (const MetricInterval& i : r.intervals) {
    out.push_back({i.label, interval_text(i), interval_basis(i)});
  }
  return out;
}

Json repeats_json(const Results& r) {
  Json out = Json::array();
  for (const RepeatResult& q : r.repeats) {
    std::string notes;
    for (const RepeatFlag& f : q.flags) {
      notes += (notes.empty() ? "" : "; ") + f.kind + ": " + f.text;
    }
    out.push_back({{"start", number(q.start_s)},
                   {"length", duration_text(q.duration_s)},
                   {"prompts", q.successful_prompts},
                   {"energy", readable_text(q.energy.scaled(1 / kJoulesPerWh, "Wh"))},
                   {"per_token", readable_text(q.energy_per_output_token)},
                   {"joules_per_token", number(q.energy_per_output_token.value)},
                   {"speed", q.output_tokens_per_s ? number_text(*q.output_tokens_per_s) : ""},
                   {"flags", notes}});
  }
  return out;
}

// --- the rest ----------------------------------------------------------------------------------

Json gpus_json(const Results& r) {
  Json out = Json::array();
  for (const GpuStats& gpu : r.gpus) {
    Json rows = Json::array();
    const auto add = [&rows](const char* label, const std::optional<double>& v, const char* unit) {
      rows.push_back({label, v ? number_text(*v) + " " + unit : "not readable"});
    };
    constexpr double kGib = 1024.0 * 1024 * 1024;
    const auto gib = [](const std::optional<double>& bytes) {
      return bytes ? std::optional(*bytes / kGib) : std::nullopt;
    };
    add("Mean power", gpu.mean_power_w, "W");
    add("Peak power", gpu.max_power_w, "W");
    add("Utilisation", gpu.mean_utilization_percent, "%");
    add("Memory used", gib(gpu.max_memory_used_bytes), "GiB");
    add("Memory", gib(gpu.total_memory_bytes), "GiB");
    add("Temperature, mean", gpu.mean_temperature_c, "°C");
    add("Temperature, peak", gpu.max_temperature_c, "°C");
    add("SM clock", gpu.mean_sm_clock_mhz, "MHz");
    add("Memory clock", gpu.mean_memory_clock_mhz, "MHz");
    add("Memory power", gpu.mean_memory_power_w, "W");
    add("Power limit", gpu.power_limit_w, "W");
    Json entry = {{"index", gpu.index}, {"name", gpu.name}, {"rows", rows}};
    entry.update(quantity_json(gpu.energy.scaled(1 / kJoulesPerWh, "Wh"), "Wh"));
    out.push_back(std::move(entry));
  }
  return out;
}

/// The value of a metric, or why there is none.
std::string text_or_reason(const Metric& m, const Results& r) {
  const std::string text = metric_text(m, r);
  if (!text.empty() || m.kind != MetricKind::kQuantity) return text;
  return "unknown: " + std::get<Quantity>(m.get(r)).reason;
}

Json metrics_json(const Results& r) {
  Json out = Json::array();
  for (const Metric& m : metric_table()) {
    out.push_back({m.label, text_or_reason(m, r), m.description});
  }
  return out;
}

/// The rows of the server's own view and the course of its load; null without it.
Json server_panel(const Results& r) {
  const std::optional<ServerTruth> server = server_of(r);
  if (!server) return nullptr;
  Json rows = Json::array();
  for (const ServerRow& row : server_rows(r)) rows.push_back({row.label, row.value, row.note});
  return {{"engine", server->engine}, {"url", server->url},         {"rows", std::move(rows)},
          {"t_s", server->t_s},       {"running", server->running}, {"waiting", server->waiting}};
}

Json phases_json(const Results& r) {
  Json out = Json::array();
  const Json none = Json::array();
  const Json& phases = r.protocol.contains("phases") ? r.protocol["phases"] : none;
  for (const Json& phase : phases) out.push_back(phase);
  return out;
}

/// Energy of every phase, which shows what loading and warming up cost besides the measurement.
Json phase_rows(const Results& r) {
  Json out = Json::array();
  const auto add = [&out](const std::string& kind, const WindowEnergy& window) {
    const Quantity wh = window.total.gross.scaled(1 / kJoulesPerWh, "Wh");
    out.push_back({kind, duration_text(window.duration_s), readable_text(wh)});
  };
  for (const auto& [kind, window] : r.other_phases) add(kind, window);
  add("measure", r.measure);
  return out;
}

}  // namespace

Json html_data(const Results& r) {
  return {{"name", r.name},
          {"model", r.model},
          {"backend", r.backend},
          {"engine", r.engine},
          {"started", iso_local(r.started_wall_ns)},
          {"run_id", r.run_id},
          {"tool_version", r.tool_version},
          {"lead", lead_sentence(r)},
          {"confidence", confidence_sentence(r)},
          {"cards", cards_json(r)},
          {"warnings", r.warnings},
          {"phases", phases_json(r)},
          {"phase_rows", phase_rows(r)},
          {"power", power_json(r.power)},
          {"power_absent", r.power.empty() ? power_absent_reason(r) : ""},
          {"energy", energy_json(r)},
          {"latency", latency_json(r)},
          {"gpus", gpus_json(r)},
          {"intervals", intervals_json(r)},
          {"repeats", repeats_json(r)},
          {"server", server_panel(r)},
          {"prompts", prompts_json(r)},
          {"metrics", metrics_json(r)},
          {"protocol",
           {{"name", r.protocol.value("name", Json())},
            {"fields", r.protocol.value("fields", Json())},
            {"warm-ups", r.protocol.value("warmups", Json())},
            {"repeats", r.protocol.value("repeats", Json())}}},
          {"environment", r.environment},
          {"backend_info", r.backend_info},
          {"config", r.config},
          {"files", r.files}};
}

}  // namespace aieb
