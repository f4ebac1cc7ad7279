#include "analysis/sources.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "analysis/exporters.h"
#include "core/clock.h"

namespace aieb {
namespace {

/// Counter and integrated power of one device may differ by this much beyond their uncertainties.
constexpr double kDisagreement = 0.02;
/// A counter that is read this much more seldom than the power is spread along the power readings.
constexpr double kSparse = 3;

bool is_energy(const Domain& domain) { return domain.unit == "J" || domain.unit == "W"; }

/// Orders the domains of a device from best to worst.
auto rank(const Domain& d) {
  return std::tuple(static_cast<int>(d.kind), d.gain_uncertainty, d.id);
}

using Device = std::pair<Component, int>;

std::map<Device, std::vector<const Domain*>> domains_by_device(const Trace& trace) {
  std::map<Device, std::vector<const Domain*>> devices;
  for (const Domain& domain : trace.domains) {
    if (is_energy(domain)) devices[{domain.component, domain.index}].push_back(&domain);
  }
  for (auto& [device, domains] : devices) {
    std::sort(domains.begin(), domains.end(),
              [](const Domain* a, const Domain* b) { return rank(*a) < rank(*b); });
  }
  return devices;
}

/// Times of the events with which a meter says that its counter lost energy.
std::vector<int64_t> breaks_told(const Trace& trace, const Domain& domain) {
  static const std::set<std::string> kKinds{"counter_reset", "counter_jump", "counter_gap"};
  std::vector<int64_t> times;
  for (const TraceEvent& event : trace.events) {
    if (kKinds.count(event.kind) == 0 || !event.data.is_object()) continue;
    const std::string sensor = event.data.value("sensor", "");
    if (sensor == domain.name || sensor == label_of(domain)) times.push_back(event.t_ns);
  }
  return times;
}

bool overlaps(const TimeSpan& a, int64_t from_ns, int64_t to_ns) {
  return to_ns > a.start_ns && from_ns < a.end_ns;
}

/// The energy of a domain. One of an exporter is integrated with the update period that its values
/// show, and its clock adds to the error; it is of no use where it is too coarse for the windows.
template <typename Integrate>
DomainEnergy integrated(const Trace& trace, const Domain& domain, std::span<const int64_t> edges,
                        std::span<const TimeSpan> windows, Integrate integrate) {
  const std::optional<ExporterFacts> exporter = exporter_of(trace, domain);
  if (!exporter) return integrate(domain);
  Domain as_seen = domain;
  as_seen.update_period_ns = nanoseconds(exporter->update_s);
  DomainEnergy energy = integrate(as_seen);
  energy.read_with = domain.meter;
  energy.period_s = std::max(energy.period_s, exporter->update_s);
  if (!energy.unusable.empty()) {
    energy.unusable +=
        " (" + exporter->remedy + (exporter->failure.empty() ? "" : "; " + exporter->failure) + ")";
    return energy;
  }
  add_clock_error(energy, trace, edges);
  energy.unusable = too_coarse(energy, *exporter, windows);
  return energy;
}

/// Integrates all domains of one device, best first, and picks the first usable one.
class DeviceSources {
 public:
  DeviceSources(const Trace& trace, const std::vector<const Domain*>& domains,
                std::span<const int64_t> edges, std::span<const TimeSpan> windows,
                std::span<const int64_t> load_changes) {
    for (const Domain* domain : domains) {
      if (domain->kind == DomainKind::kCounter) continue;
      all_.push_back(integrated(trace, *domain, edges, windows, [&](const Domain& d) {
        return gauge_energy(d, samples_of(trace, d.id), edges, load_changes);
      }));
    }
    std::vector<DomainEnergy> counters;
    for (const Domain* domain : domains) {
      if (domain->kind != DomainKind::kCounter) continue;
      counters.push_back(integrated(trace, *domain, edges, windows, [&](const Domain& d) {
        const auto samples = samples_of(trace, d.id);
        return counter_energy(d, samples, breaks_told(trace, d), edges, shape_for(samples),
                              load_changes);
      }));
    }
    all_.insert(all_.begin(), std::make_move_iterator(counters.begin()),
                std::make_move_iterator(counters.end()));
  }

  void check(std::span<const TimeSpan> windows, std::vector<std::string>& warnings) const {
    const DomainEnergy* best = find_best();
    for (const DomainEnergy& domain : all_) {
      if (!domain.unusable.empty()) {
        if (best != nullptr) warnings.push_back(domain.unusable + "; it was left out");
      } else if (best != &domain && domain.domain.kind != DomainKind::kEstimate) {
        compare(*best, domain, windows, warnings);
      }
    }
    if (best != nullptr) report_faults(*best, windows, warnings);
  }

  /// Null when no domain says anything.
  [[nodiscard]] const DomainEnergy* find_best() const {
    const auto it = std::find_if(all_.begin(), all_.end(), [](const DomainEnergy& domain) {
      return domain.unusable.empty();
    });
    return it == all_.end() ? nullptr : &*it;
  }
  [[nodiscard]] const std::string& why_none() const { return all_.front().unusable; }

 private:
  /// Measured power that is read much more often than the counter.
  [[nodiscard]] const DomainEnergy* shape_for(std::span<const Sample> samples) const {
    std::vector<Reading> readings;
    for (const Sample& sample : samples) readings.push_back({sample.t_ns, sample.value});
    const double spacing_s = usual_spacing_s(readings);
    for (const DomainEnergy& gauge : all_) {
      const bool usable = gauge.unusable.empty() && gauge.domain.kind == DomainKind::kGauge;
      if (usable && spacing_s > kSparse * gauge.period_s) return &gauge;
    }
    return nullptr;
  }

  static void compare(const DomainEnergy& best, const DomainEnergy& other,
                      std::span<const TimeSpan> windows, std::vector<std::string>& warnings) {
    const Quantity a = energy_of(best, windows);
    const Quantity b = energy_of(other, windows);
    if (!a.known() || !b.known() || *a.value <= 0) return;
    const double allowed = kDisagreement * *a.value + std::hypot(a.uncertainty(), b.uncertainty());
    const double difference = *b.value - *a.value;
    if (std::abs(difference) <= allowed) return;
    warnings.push_back(label_of(other.domain) + " says " + to_text(b) + " where " +
                       label_of(best.domain) + " says " + to_text(a) +
                       ": they disagree by more than their uncertainties; check the sensors "
                       "with aieb doctor");
  }

  static void report_faults(const DomainEnergy& domain, std::span<const TimeSpan> windows,
                            std::vector<std::string>& warnings) {
    int64_t breaks = 0;
    double gap_s = 0;
    for (const TimeSpan& window : windows) {
      for (const Break& b : domain.breaks) breaks += overlaps(window, b.from_ns, b.to_ns) ? 1 : 0;
      for (const TimeSpan& gap : domain.gaps) {
        if (overlaps(window, gap.start_ns, gap.end_ns)) {
          gap_s += seconds(std::min(gap.end_ns, window.end_ns) -
                           std::max(gap.start_ns, window.start_ns));
        }
      }
    }
    const std::string label = label_of(domain.domain);
    if (breaks > 0) {
      warnings.push_back(label + " was reset or jumped " + std::to_string(breaks) +
                         " times while measuring; the energy in between was filled in from the "
                         "power around it");
    }
    if (domain.spikes > 0) {
      warnings.push_back(label + ": " + std::to_string(domain.spikes) +
                         " readings were impossible and left out");
    }
    if (gap_s > 0 && domain.domain.kind != DomainKind::kCounter) {
      warnings.push_back(label + " was not read for " + std::to_string(std::lround(gap_s * 1000)) +
                         " ms while measuring; its uncertainty is larger for that. Is the "
                         "machine overloaded?");
    }
  }

  std::vector<DomainEnergy> all_;  ///< counters, then gauges and estimates, each best first
};

}  // namespace

std::string label_of(const Domain& domain) { return domain.meter + "/" + domain.name; }

std::span<const Sample> samples_of(const Trace& trace, int domain_id) {
  const auto by_domain = [](const Sample& a, const Sample& b) { return a.domain_id < b.domain_id; };
  const auto [first, last] = std::equal_range(trace.samples.begin(), trace.samples.end(),
                                              Sample{domain_id, 0, 0}, by_domain);
  return {first, last};
}

Quantity energy_of(const DomainEnergy& domain, std::span<const TimeSpan> windows) {
  std::vector<Quantity> parts;
  for (const TimeSpan& window : windows) parts.push_back(domain.energy(window));
  if (parts.empty()) return Quantity::missing("J", "nothing was measured");
  return sum_correlated(parts);
}

std::vector<std::vector<size_t>> read_together(const std::vector<DomainEnergy>& chosen) {
  std::vector<std::vector<size_t>> groups;
  std::map<std::string, size_t> group_of;
  for (size_t i = 0; i < chosen.size(); ++i) {
    const std::string& reader = chosen[i].read_with;
    const size_t group =
        reader.empty() ? groups.size() : group_of.try_emplace(reader, groups.size()).first->second;
    if (group == groups.size()) groups.emplace_back();
    groups[group].push_back(i);
  }
  return groups;
}

EnergySources choose_sources(const Trace& trace, std::span<const int64_t> edges,
                             std::span<const TimeSpan> checked,
                             std::span<const int64_t> load_changes) {
  EnergySources out;
  for (const auto& [device, domains] : domains_by_device(trace)) {
    const DeviceSources sources(trace, domains, edges, checked, load_changes);
    sources.check(checked, out.warnings);
    if (const DomainEnergy* best = sources.find_best()) {
      out.chosen.push_back(*best);
    } else {
      out.unusable[device.first] = sources.why_none();
    }
  }
  return out;
}

}  // namespace aieb
