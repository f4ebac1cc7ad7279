#include "analysis/warnings.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <map>

#include "analysis/event_warnings.h"
#include "core/clock.h"

namespace aieb {
namespace {

constexpr double kMuchUnattributed = 0.2;
constexpr double kIdleDrift = 0.1;
constexpr double kIdleDrift_w = 2;

using Warnings = std::vector<std::string>;

std::string rounded(double value, int decimals) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.*f", decimals, value);
  return text.data();
}

void check_length(const EnergySources& sources, const Results& results, Warnings& out) {
  if (results.measured_s <= 0 || sources.chosen.empty()) return;
  const double window_s = results.measured_s;
  double slowest_s = 0;
  for (const DomainEnergy& domain : sources.chosen) {
    if (domain.domain.kind != DomainKind::kEstimate)
      slowest_s = std::max(slowest_s, domain.period_s);
  }
  if (window_s >= kLeastWindow_s && window_s >= kLeastPeriods * slowest_s) return;
  const double needed_s = std::max(kLeastWindow_s, kLeastPeriods * slowest_s);
  out.push_back("the measured window is short (" + rounded(window_s, 1) + " s, at least " +
                rounded(needed_s, 0) + " s are needed), so its energy is uncertain: " +
                (results.is_monitor() ? "measure longer work, or repeat it"
                                      : "raise scenario.num_samples or max_new_tokens"));
}

void check_carbon(const Results& results, Warnings& out) {
  if (results.energy_disabled || !results.carbon) return;
  if (!results.carbon->unknown.empty()) {
    out.push_back("the emissions are not known: " + results.carbon->unknown +
                  ". Compute them with another file: aieb report RUN --carbon-series FILE");
  }
  if (results.carbon->basis == "marginal") {
    out.push_back(
        "the carbon intensity is marginal (what one more kWh causes): emissions computed "
        "with it do not compare with those of average intensities");
  }
  if (!results.carbon->assumed) return;
  out.push_back("no location was given, so the carbon intensity of " +
                results.carbon->country_iso_code + " is assumed: set " +
                (results.is_monitor() ? "the country (and region)"
                                      : "metrics.country_iso_code (and metrics.region)"));
}

void check_unattributed(const Results& results, Warnings& out) {
  if (results.is_monitor()) return;
  const Quantity& gross = results.measure.total.gross;
  if (!results.unattributed.known() || !gross.known() || *gross.value <= 0) return;
  const double share = *results.unattributed.value / *gross.value;
  if (share <= kMuchUnattributed) return;
  out.push_back(rounded(100 * share, 0) +
                " % of the measured energy was used while no request was in flight: raise the "
                "request rate or concurrency, or look for pauses between requests");
}

/// Idle power at the beginning and the end of the idle phases.
void check_idle(const EnergySources& sources, std::span<const TimeSpan> idle, Warnings& out) {
  if (idle.empty()) return;
  const auto mean_w = [](const DomainEnergy& domain, int64_t from, int64_t to) {
    return domain.curve.between(from, to) / seconds(to - from);
  };
  for (const DomainEnergy& domain : sources.chosen) {
    const TimeSpan& first = idle.front();
    const TimeSpan& last = idle.back();
    const double first_s = seconds(first.end_ns - first.start_ns);
    if (domain.domain.kind == DomainKind::kEstimate || first_s < 2) continue;
    const double begin =
        mean_w(domain, first.start_ns, first.start_ns + (first.end_ns - first.start_ns) / 2);
    const double end =
        mean_w(domain, last.start_ns + (last.end_ns - last.start_ns) / 2, last.end_ns);
    const double drift = std::abs(end - begin);
    if (drift < kIdleDrift * std::max(begin, end) || drift < kIdleDrift_w) continue;
    out.push_back("idle power of " + label_of(domain.domain) + " went from " + rounded(begin, 1) +
                  " W to " + rounded(end, 1) +
                  " W: something else is running, or the device was still settling. Raise "
                  "metrics.idle_s");
  }
}

void check_node(const Results& results, Warnings& out) {
  const auto node = results.measure.components.find(Component::kNode);
  const Quantity& total = results.measure.total.gross;
  if (node == results.measure.components.end() || !total.known()) return;
  const Quantity& wall = node->second.gross;
  if (!wall.known()) return;
  const double allowed = std::hypot(wall.uncertainty(), total.uncertainty());
  if (*total.value <= *wall.value + allowed) return;
  out.push_back("gpu + cpu + dram used " + to_text(total) + ", more than the node's " +
                to_text(wall) + ": one of the sensors is wrong, see aieb doctor");
}

void check_requests(const Results& results, Warnings& out) {
  if (results.failed_prompts > 0) {
    std::map<std::string, int64_t> classes;
    for (const RequestResult& request : results.requests) {
      if (request.record.status == RequestStatus::kFailed) ++classes[request.record.error_class];
    }
    std::string text;
    for (const auto& [name, count] : classes) {
      text += (text.empty() ? "" : ", ") + std::to_string(count) + " × " +
              (name.empty() ? "unknown error" : name);
    }
    out.push_back(std::to_string(results.failed_prompts) + " of " +
                  std::to_string(results.total_prompts) + " prompts failed (" + text +
                  "); their energy is part of the total");
  }
  if (results.cancelled_prompts > 0) {
    out.push_back(std::to_string(results.cancelled_prompts) + " of " +
                  std::to_string(results.total_prompts) +
                  " prompts did not finish before the run was stopped");
  }
  if (results.not_begun_prompts > 0) {
    out.push_back(std::to_string(results.not_begun_prompts) + " of " +
                  std::to_string(results.total_prompts) +
                  " prompts were not begun before the run was stopped");
  }
}

void check_client(const Results& results, Warnings& out) {
  if (!results.client || results.client->limits.empty()) return;
  std::string reasons;
  for (const std::string& reason : results.client->limits) {
    reasons += (reasons.empty() ? "" : "; ") + reason;
  }
  out.push_back("this run was limited by its client: " + reasons +
                ". Give it a core of its own (nothing else on the machine, or the server "
                "elsewhere), or lower the load");
}

/// Requests whose energy outside the measured window is not counted.
void check_straddling(const Trace& trace, const Results& results, Warnings& out) {
  int64_t straddling = 0;
  for (const RequestResult& request : results.requests) {
    const auto end = request.record.done_ns;
    const auto start = request.record.sent_ns;
    if (!end || !start) continue;
    const bool inside = std::any_of(trace.phases.begin(), trace.phases.end(), [&](const Phase& p) {
      return p.kind == PhaseKind::kMeasure && *start >= p.start_ns && *end <= p.end_ns;
    });
    if (!inside) ++straddling;
  }
  if (straddling == 0) return;
  out.push_back(std::to_string(straddling) +
                " requests ended after the measured window; their energy is counted up to its end");
}

void check_completeness(const Results& results, Warnings& out) {
  if (results.energy_disabled) return;
  for (const std::string& name : results.measure.missing) {
    const auto component = component_from(name);
    const auto it =
        component ? results.measure.components.find(*component) : results.measure.components.end();
    const std::string reason =
        it == results.measure.components.end() ? "" : it->second.gross.reason;
    out.push_back("the energy of " + name + " is not (wholly) known" +
                  (reason.empty() ? "" : ": " + reason));
  }
}

}  // namespace

std::vector<std::string> find_warnings(const Trace& trace, const EnergySources& sources,
                                       std::span<const TimeSpan> idle, const Results& results) {
  Warnings out;
  check_requests(results, out);
  check_client(results, out);
  check_completeness(results, out);
  check_length(sources, results, out);
  out.insert(out.end(), sources.warnings.begin(), sources.warnings.end());
  check_node(results, out);
  check_idle(sources, idle, out);
  check_unattributed(results, out);
  check_straddling(trace, results, out);
  check_carbon(results, out);
  const Warnings told = event_warnings(trace);
  out.insert(out.end(), told.begin(), told.end());
  return out;
}

}  // namespace aieb
