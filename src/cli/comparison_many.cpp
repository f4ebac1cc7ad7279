#include "cli/comparison_many.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "cli/comparison_text.h"
#include "cli/text_table.h"
#include "core/clock.h"
#include "reporters/html.h"
#include "reporters/html_text.h"
#include "reporters/text_format.h"

namespace aieb::cli {
namespace {

/// What the sentence is about: the first of these that both runs know.
constexpr std::array kVerdictMetrics = {"energy_per_output_token_j", "energy_per_request_j",
                                        "total_energy_j"};

const MetricComparison* metric_of(const Comparison& comparison, std::string_view key) {
  const auto found = std::ranges::find(comparison.metrics, key, &MetricComparison::key);
  return found == comparison.metrics.end() ? nullptr : &*found;
}

const MetricComparison* verdict_metric(const Comparison& comparison) {
  for (const char* key : kVerdictMetrics) {
    const MetricComparison* metric = metric_of(comparison, key);
    if (metric && metric->ratio) return metric;
  }
  return nullptr;
}

/// What may be said of a difference that no sensor saw.
std::string conclusion_of_estimate(Verdict verdict) {
  const std::string basis =
      "Estimated, not measured: the model follows the CPU's load and the time";
  switch (verdict) {
    case Verdict::kDifferent:
      return "more than its uncertainty. " + basis +
             "; take it for a difference in those, not in joules that were drawn";
    case Verdict::kNotDistinguishable:
      return "within its uncertainty: no difference is shown. " + basis;
    case Verdict::kUnknown:
      return "of unknown uncertainty. " + basis;
  }
  return "";
}

std::string conclusion_of_measurement(Verdict verdict) {
  switch (verdict) {
    case Verdict::kDifferent:
      return "more than its uncertainty: the difference is real";
    case Verdict::kNotDistinguishable:
      return "within its uncertainty: no difference is shown";
    case Verdict::kUnknown:
      return "of unknown uncertainty: whether it is real cannot be said";
  }
  return "";
}

std::string conclusion(const MetricComparison& m, const Comparison& comparison) {
  if (m.basis == Basis::kEstimated) return conclusion_of_estimate(m.verdict);
  const std::string out = conclusion_of_measurement(m.verdict);
  if (m.basis != Basis::kPartlyEstimated) return out;
  const std::string parts = "(" + joined(comparison.estimated, ", ") + ")";
  if (m.verdict == Verdict::kDifferent) {
    return out + " as far as its estimated part " + parts + " is right";
  }
  return out + "; a part of it is estimated " + parts;
}

/// "−7.6 %*" of a metric against the first run; the star is more than its uncertainty.
std::string change_mark(const MetricComparison& m) {
  if (!m.ratio) return "";
  return fmt::format(" {:+.1f} %{}", (*m.ratio - 1) * 100,
                     m.verdict == Verdict::kDifferent ? "*" : "");
}

std::string value_of(Quantity q) {
  if (!q.known()) return "unknown";
  const bool bare = q.uncertainty() <= 0;
  if (q.unit == "s" && bare && *q.value >= 0) return duration_text(*q.value);
  if (q.unit == "s" && std::abs(*q.value) < 1) q = q.scaled(1e3, "ms");
  return bare ? number_text(*q.value) + " " + q.unit : readable_text(q);
}

Json interval_of(const Quantity& q) {
  return {{"value", q.known() ? Json(*q.value) : Json(nullptr)},
          {"uncertainty", q.known() ? Json(q.uncertainty()) : Json(nullptr)},
          {"text", value_of(q)},
          {"reason", q.reason}};
}

/// What the row rests on in all comparisons that know it.
Basis basis_of_row(const ComparedRuns& compared, size_t row) {
  Basis out = Basis::kUnknown;
  for (const Comparison& comparison : compared.against_first) {
    const Basis basis = comparison.metrics[row].basis;
    if (basis == Basis::kUnknown) continue;
    out = out == Basis::kUnknown ? basis : common_basis(out, basis);
  }
  return out;
}

std::string label_of_row(const ComparedRuns& compared, size_t row) {
  return row_label(compared.against_first.front().metrics[row].label, basis_of_row(compared, row));
}

/// Null where no sensor measured what is compared.
Json same_sensors(const ComparedRuns& compared) {
  bool measured = false;
  bool same = true;
  for (const Comparison& comparison : compared.against_first) {
    if (!has_measurement(comparison.energy)) continue;
    measured = true;
    same = same && comparison.same_sensors;
  }
  return measured ? Json(same) : Json(nullptr);
}

Json row_json(const ComparedRuns& compared, size_t row) {
  const MetricComparison& first = compared.against_first.front().metrics[row];
  Json cells = Json::array({interval_of(first.a)});
  for (const Comparison& comparison : compared.against_first) {
    const MetricComparison& m = comparison.metrics[row];
    Json cell = interval_of(m.b);
    cell["change"] = m.ratio ? Json(*m.ratio - 1) : Json(nullptr);
    cell["difference"] = m.difference.known() ? Json(value_of(m.difference)) : Json(nullptr);
    cell["verdict"] = to_string(m.verdict);
    cell["source"] = to_string(m.basis);
    cells.push_back(std::move(cell));
  }
  return {{"key", first.key},
          {"label", label_of_row(compared, row)},
          {"unit", first.a.unit},
          {"cells", cells}};
}

Json run_json(const Results& r, size_t index) {
  return {{"letter", run_letter(index)},
          {"name", r.name},
          {"model", r.model},
          {"backend", r.backend},
          {"started", iso_local(r.started_wall_ns)},
          {"prompts", r.successful_prompts},
          {"latency_s", r.e2e_s ? Json(r.e2e_s->p50) : Json(nullptr)},
          {"tokens_per_s", r.output_tokens_per_s ? Json(*r.output_tokens_per_s) : Json(nullptr)},
          {"energy", interval_of(r.energy_per_output_token)}};
}

Json notes_json(const ComparedRuns& compared) {
  Json out = Json::array();
  for (size_t i = 0; i < compared.against_first.size(); ++i) {
    for (const std::string& reason : compared.against_first[i].not_comparable) {
      out.push_back(run_letter(i + 1) + " and A differ in more than what is compared: " + reason);
    }
    for (const std::string& note : compared.against_first[i].notes) {
      out.push_back(run_letter(i + 1) + " and A: " + note);
    }
  }
  return out;
}

}  // namespace

std::string run_letter(size_t index) {
  constexpr size_t kLetters = 26;
  const std::string last(1, static_cast<char>('A' + index % kLetters));
  return index < kLetters ? last : run_letter(index / kLetters - 1) + last;
}

std::string verdict_sentence(const ComparedRuns& compared, size_t index) {
  const std::string name = run_letter(index);
  const Comparison& comparison = compared.against_first.at(index - 1);
  const MetricComparison* m = verdict_metric(comparison);
  if (m == nullptr) {
    return "The energy of A or of " + name + " is not known: they cannot be compared in it.";
  }
  const double change = (*m->ratio - 1) * 100;
  return fmt::format("{} used {:.1f} % {} {} than A ({}), {}.", name, std::abs(change),
                     change < 0 ? "less" : "more", m->label, readable_text(m->difference),
                     conclusion(*m, comparison));
}

std::string comparison_table(const ComparedRuns& compared, const TerminalStyle& style) {
  std::string out;
  std::vector<std::string> heads = {""};
  for (size_t i = 0; i < compared.runs.size(); ++i) {
    const Results& r = compared.runs[i];
    heads.push_back(run_letter(i));
    out += toned(run_letter(i), Tone::kBold, style) + "  " + r.name + "  " + r.model + "  " +
           r.backend + "  " + iso_local(r.started_wall_ns) + "\n";
  }
  TextTable table(heads);
  for (size_t row = 0; row < compared.against_first.front().metrics.size(); ++row) {
    const MetricComparison& first = compared.against_first.front().metrics[row];
    std::vector<std::string> cells = {label_of_row(compared, row), value_of(first.a)};
    for (const Comparison& comparison : compared.against_first) {
      const MetricComparison& m = comparison.metrics[row];
      cells.push_back(value_of(m.b) + change_mark(m));
    }
    table.add(cells);
  }
  out += "\n" + table.text() + "\nChanges are against A; * larger than its uncertainty (95 %).\n";
  for (size_t i = 1; i < compared.runs.size(); ++i) out += verdict_sentence(compared, i) + "\n";
  for (const Json& note : notes_json(compared)) {
    out += toned("warning: ", Tone::kWarning, style) + note.get<std::string>() + "\n";
  }
  return out;
}

Json comparisons_json(const ComparedRuns& compared) {
  Json runs = Json::array();
  for (const Results& r : compared.runs) runs.push_back(r.run_id.empty() ? r.name : r.run_id);
  Json comparisons = Json::array();
  for (size_t i = 0; i < compared.against_first.size(); ++i) {
    comparisons.push_back(
        comparison_json(compared.runs.front(), compared.runs[i + 1], compared.against_first[i]));
  }
  return {{"runs", runs}, {"comparisons", comparisons}};
}

std::string comparison_page(const ComparedRuns& compared) {
  Json runs = Json::array();
  Json sentences = Json::array();
  for (size_t i = 0; i < compared.runs.size(); ++i) {
    runs.push_back(run_json(compared.runs[i], i));
    if (i > 0) sentences.push_back(verdict_sentence(compared, i));
  }
  Json rows = Json::array();
  for (size_t row = 0; row < compared.against_first.front().metrics.size(); ++row) {
    rows.push_back(row_json(compared, row));
  }
  return html_page("Comparison of " + std::to_string(compared.runs.size()) + " runs", "compare",
                   {{"runs", runs},
                    {"rows", rows},
                    {"sentences", sentences},
                    {"same_sensors", same_sensors(compared)},
                    {"pairs", pairs_text(compared.against_first.front())},
                    {"notes", notes_json(compared)}});
}

}  // namespace aieb::cli
