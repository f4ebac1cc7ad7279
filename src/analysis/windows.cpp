#include "analysis/windows.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <utility>

#include "core/clock.h"

namespace aieb {
namespace {

constexpr std::array kTotalParts{Component::kGpu, Component::kCpu, Component::kDram};
/// A domain must have been read over this share of a window for its energy to count.
constexpr double kLeastCoverage = 0.9;
constexpr int64_t kIdleBlock_ns = 1'000'000'000;

constexpr const char* kNoIdle =
    "no idle phase was recorded (metrics.idle_s: 0, or the run was stopped before it)";

ComponentEnergy missing_energy(const std::string& reason) {
  return {Quantity::missing("J", reason), Quantity::missing("J", reason),
          Quantity::missing("J", reason), Quantity::missing("W", reason)};
}

std::string append(std::string text, const std::string& more) {
  return text.empty() ? more : text + "; " + more;
}

Quantity above_idle(DomainKind kind, const Quantity& gross, const Quantity& idle_share) {
  if (!gross.known()) return gross;
  if (!idle_share.known()) return idle_share;
  Quantity out = gross;
  *out.value -= *idle_share.value;
  constexpr double kRounding = 1e-12;
  if (std::abs(*out.value) <= kRounding * std::abs(*gross.value)) out.value = 0;
  out.systematic = systematic_above_idle(kind, gross.systematic, idle_share.systematic);
  out.random = std::hypot(gross.random, idle_share.random);
  return out;
}

ComponentEnergy domain_window(const DomainEnergy& domain, std::span<const TimeSpan> windows,
                              const Quantity& baseline) {
  const double covered = coverage(domain, windows);
  if (covered < kLeastCoverage) {
    return missing_energy(label_of(domain.domain) + " was read during only " +
                          std::to_string(std::lround(100 * covered)) + " % of the window");
  }
  ComponentEnergy out;
  out.gross = energy_of(domain, windows);
  out.baseline = baseline;
  out.idle_share = baseline.scaled(duration_s(windows), "J");
  out.active = above_idle(domain.domain.kind, out.gross, out.idle_share);
  if (!out.active.known()) out.active = Quantity::missing("J", baseline.reason);
  return out;
}

/// Groups of energies; those of one group are read together.
using Groups = std::vector<std::vector<ComponentEnergy>>;

ComponentEnergy add(const Groups& groups) {
  const auto sum_of = [&groups](Quantity ComponentEnergy::* part) {
    std::vector<Quantity> sums;
    for (const std::vector<ComponentEnergy>& group : groups) {
      std::vector<Quantity> quantities;
      for (const ComponentEnergy& p : group) quantities.push_back(p.*part);
      sums.push_back(sum_read_together(quantities));
    }
    return sum_independent(sums);
  };
  return {sum_of(&ComponentEnergy::gross), sum_of(&ComponentEnergy::idle_share),
          sum_of(&ComponentEnergy::active), sum_of(&ComponentEnergy::baseline)};
}

/// Variance of the mean power over a second, which an idle phase of a few seconds shows: the idle
/// power during the run will differ from its mean by about this much.
double wander_variance(const DomainEnergy& domain, std::span<const TimeSpan> idle) {
  double sum = 0;
  double squares = 0;
  double n = 0;
  for (const TimeSpan& span : idle) {
    for (int64_t t = span.start_ns; t + kIdleBlock_ns <= span.end_ns; t += kIdleBlock_ns) {
      const double power = domain.curve.between(t, t + kIdleBlock_ns);
      sum += power;
      squares += power * power;
      ++n;
    }
  }
  return n > 1 ? std::max(0.0, (squares - sum * sum / n) / (n - 1)) : 0;
}

Quantity baseline_of(const DomainEnergy& domain, std::span<const TimeSpan> idle) {
  const double length_s = duration_s(idle);
  if (length_s <= 0) return Quantity::missing("W", kNoIdle);
  if (coverage(domain, idle) < kLeastCoverage) {
    return Quantity::missing("W", label_of(domain.domain) + " was not read while idle");
  }
  Quantity power = energy_of(domain, idle).scaled(1 / length_s, "W");
  power.random = std::hypot(power.random, 2 * std::sqrt(wander_variance(domain, idle)));
  return power;
}

/// Reasons by component from the list that the meters left in the trace.
std::map<Component, std::string> reasons_from(const Json& list) {
  std::map<Component, std::string> reasons;
  if (!list.is_array()) return reasons;
  for (const Json& item : list) {
    const auto component = component_from(item.value("component", ""));
    if (component) {
      reasons[*component] = append(reasons[*component], item.value("reason", "not measured"));
    }
  }
  return reasons;
}

/// Whether a source that was configured for a component is among those that say nothing of it.
bool asked_for(const Json& list, Component component) {
  return list.is_array() && std::ranges::any_of(list, [&](const Json& item) {
           return item.value("asked_for", false) &&
                  component_from(item.value("component", "")) == component;
         });
}

/// Whether this run needs the energy of a GPU to be complete, given that none was measured.
bool gpu_expected(const Json& backend, bool listed_missing) {
  if (!backend.is_object()) return listed_missing;
  const std::string device = backend.value("device", "");
  if (device.rfind("cuda", 0) == 0) return true;
  if (backend.contains("gpu_indices") && !backend["gpu_indices"].empty()) return true;
  return listed_missing && !backend.value("in_process", false);
}

std::string default_reason(const Json& backend, Component component) {
  const bool server = backend.is_object() && !backend.value("in_process", true);
  if (!server) return "no sensor or estimate for " + std::string(to_string(component));
  return "the server's host is not measured: run aieb there, or name its exporter in "
         "metrics.sources";
}

}  // namespace

double duration_s(std::span<const TimeSpan> windows) {
  double sum = 0;
  for (const TimeSpan& window : windows) sum += seconds(window.end_ns - window.start_ns);
  return sum;
}

double coverage(const DomainEnergy& domain, std::span<const TimeSpan> windows) {
  const double length_s = duration_s(windows);
  if (length_s <= 0) return 0;
  const int64_t slack_ns = nanoseconds(2 * domain.period_s);
  double covered = 0;
  for (const TimeSpan& window : windows) {
    const int64_t from = std::max(window.start_ns, domain.first_ns - slack_ns);
    const int64_t to = std::min(window.end_ns, domain.last_ns + slack_ns);
    covered += std::max(0.0, seconds(to - from));
  }
  return covered / length_s;
}

ComponentPlan plan_components(const Trace& trace, const EnergySources& sources) {
  const Json list = trace.meta_json(meta::kMissing);
  const std::map<Component, std::string> listed = reasons_from(list);
  const Json backend = trace.meta_json(meta::kBackendInfo);
  ComponentPlan plan;
  for (const Component component : kTotalParts) {
    const bool measured =
        std::any_of(sources.chosen.begin(), sources.chosen.end(),
                    [&](const DomainEnergy& d) { return d.domain.component == component; });
    const auto unusable = sources.unusable.find(component);
    const auto reason = listed.find(component);
    const bool said = unusable != sources.unusable.end() || reason != listed.end();
    if (measured && !said) continue;
    if (component == Component::kGpu && unusable == sources.unusable.end() &&
        !asked_for(list, component) && !gpu_expected(backend, reason != listed.end())) {
      continue;
    }
    std::string why;
    if (unusable != sources.unusable.end()) why = unusable->second;
    if (reason != listed.end()) why = append(why, reason->second);
    plan.missing[component] = said ? why : default_reason(backend, component);
  }
  return plan;
}

std::vector<Quantity> idle_baselines(const EnergySources& sources, std::span<const TimeSpan> idle) {
  std::vector<Quantity> baselines;
  for (const DomainEnergy& domain : sources.chosen) baselines.push_back(baseline_of(domain, idle));
  return baselines;
}

WindowEnergy window_energy(const EnergySources& sources, const ComponentPlan& plan,
                           std::span<const TimeSpan> windows,
                           const std::vector<Quantity>& baselines) {
  WindowEnergy out;
  out.duration_s = duration_s(windows);
  std::map<Component, Groups> parts;
  Groups total;
  std::set<Component> incomplete;
  for (const std::vector<size_t>& group : read_together(sources.chosen)) {
    std::map<Component, std::vector<ComponentEnergy>> by_component;
    std::vector<ComponentEnergy> of_total;
    for (const size_t i : group) {
      const DomainEnergy& domain = sources.chosen[i];
      const Component component = domain.domain.component;
      ComponentEnergy energy = domain_window(domain, windows, baselines[i]);
      if (!energy.gross.known()) incomplete.insert(component);
      if (in_total(component)) of_total.push_back(energy);
      by_component[component].push_back(energy);
      out.domains[label_of(domain.domain)] = std::move(energy);
    }
    for (auto& [component, energies] : by_component)
      parts[component].push_back(std::move(energies));
    if (!of_total.empty()) total.push_back(std::move(of_total));
  }
  for (const auto& [component, reason] : plan.missing) {
    parts[component].push_back({missing_energy(reason)});
    if (!in_total(component)) continue;
    incomplete.insert(component);
    total.push_back({missing_energy(reason)});
  }
  for (const auto& [component, groups] : parts) out.components[component] = add(groups);
  for (const Component component : incomplete) {
    if (in_total(component)) out.missing.emplace_back(to_string(component));
  }
  out.total = total.empty() ? missing_energy("no component was measured") : add(total);
  out.complete = !total.empty() && out.missing.empty();
  return out;
}

WindowEnergy disabled_energy(std::span<const TimeSpan> windows) {
  WindowEnergy out;
  out.duration_s = duration_s(windows);
  const ComponentEnergy disabled{Quantity::disabled("J"), Quantity::disabled("J"),
                                 Quantity::disabled("J"), Quantity::disabled("W")};
  for (const Component component : kTotalParts) out.components[component] = disabled;
  out.total = disabled;
  for (const Component component : kTotalParts) out.missing.emplace_back(to_string(component));
  return out;
}

}  // namespace aieb
