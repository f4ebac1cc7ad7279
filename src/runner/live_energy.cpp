#include "runner/live_energy.h"

#include <algorithm>
#include <array>

#include "analysis/sources.h"
#include "analysis/windows.h"
#include "core/clock.h"
#include "core/trace_data.h"

namespace aieb {
namespace {

/// Readings kept before a window: five of the slowest sensor, which is read once a second.
constexpr int64_t kHistory_ns = 5'000'000'000;
/// A sensor that was not read for so long no longer holds up the others.
constexpr int64_t kStale_ns = 5'000'000'000;

bool is_energy(const Domain& domain) { return domain.unit == "J" || domain.unit == "W"; }

/// A sum that has no part yet is the part itself.
Quantity add(const Quantity& sum, const Quantity& part, bool first) {
  if (first) return part;
  Quantity out = sum_correlated(std::array{sum, part});
  // Of this window or the last that had one: the reasons of all windows would never end.
  out.reason = part.reason.empty() ? sum.reason : part.reason;
  return out;
}

}  // namespace

void LiveEnergy::set_expected(const Json& missing, const Json& backend_info) {
  const std::lock_guard lock(mutex_);
  meta_[meta::kMissing] = missing.dump();
  meta_[meta::kBackendInfo] = backend_info.dump();
}

void LiveEnergy::begin(int64_t t_ns) {
  const std::lock_guard lock(mutex_);
  begin_ns_ = until_ns_ = t_ns;
  window_s_ = 0;
  devices_.clear();
  total_energy_ = Quantity::missing("J", "");
}

LiveReading LiveEnergy::advance(int64_t now_ns) {
  const std::lock_guard lock(mutex_);
  const int64_t to_ns = known_until(now_ns);
  if (to_ns > until_ns_) {
    add_window(until_ns_, to_ns);
    until_ns_ = to_ns;
    forget_before(to_ns - kHistory_ns);
  }
  return reading();
}

int64_t LiveEnergy::known_until(int64_t now_ns) const {
  int64_t until = now_ns;
  for (const auto& [id, samples] : recent_) {
    const int64_t last = samples.empty() ? 0 : samples.back().t_ns;
    if (now_ns - last < kStale_ns) until = std::min(until, last);
  }
  return until;
}

void LiveEnergy::add_window(int64_t from_ns, int64_t to_ns) {
  Trace trace;
  trace.meta = meta_;
  trace.events = events_;
  for (const auto& [id, domain] : domains_) trace.domains.push_back(domain);
  for (const auto& [id, samples] : recent_) {
    trace.samples.insert(trace.samples.end(), samples.begin(), samples.end());
  }
  const std::array window{TimeSpan{from_ns, to_ns}};
  const std::array edges{from_ns, to_ns};
  // No window is too short here: all of them are added up.
  const EnergySources sources = choose_sources(trace, edges, {});
  const ComponentPlan plan = plan_components(trace, sources);
  const std::vector<Quantity> no_baseline(sources.chosen.size(),
                                          Quantity::missing("W", "not idle"));
  const bool first = window_s_ == 0;
  window_s_ = seconds(to_ns - from_ns);

  for (const DomainEnergy& chosen : sources.chosen) {
    const Domain& domain = chosen.domain;
    const auto [it, is_new] = devices_.try_emplace({domain.component, domain.index});
    const Quantity used = window_energy({{chosen}, {}, {}}, {}, window, no_baseline)
                              .domains.at(label_of(domain))
                              .gross;
    Device& device = it->second;
    device.energy = add(device.energy, used, is_new);
    device.now = {std::string(to_string(domain.component)), domain.index, label_of(domain),
                  device.energy, used.scaled(1 / window_s_, "W")};
  }
  const WindowEnergy all = window_energy(sources, plan, window, no_baseline);
  total_energy_ = add(total_energy_, all.total.gross, first);
  total_power_ = all.total.gross.scaled(1 / window_s_, "W");
  missing_.clear();
  for (const auto& [component, reason] : plan.missing) {
    missing_[std::string(to_string(component))] = reason;
  }
}

void LiveEnergy::forget_before(int64_t t_ns) {
  const auto old = [t_ns](const auto& item) { return item.t_ns < t_ns; };
  for (auto& [id, samples] : recent_) std::erase_if(samples, old);
  std::erase_if(events_, [&](const TraceEvent& event) {
    return old(event) && event.kind != "exporter" && event.kind != "clock_offset";
  });
}

LiveReading LiveEnergy::reading() const {
  LiveReading out;
  out.t_ns = until_ns_;
  out.elapsed_s = seconds(until_ns_ - begin_ns_);
  out.window_s = window_s_;
  for (const auto& [key, device] : devices_) out.devices.push_back(device.now);
  out.total = {"total", std::nullopt, "", total_energy_, total_power_};
  out.missing = missing_;
  return out;
}

void LiveEnergy::request_started(const RequestRecord& record) {
  if (next_ != nullptr) next_->request_started(record);
}

void LiveEnergy::tokens_arrived(int count) {
  if (next_ != nullptr) next_->tokens_arrived(count);
}

void LiveEnergy::request_finished(RequestRecord record) {
  if (next_ != nullptr) next_->request_finished(std::move(record));
}

void LiveEnergy::phase_begin(const Phase& phase) {
  if (next_ != nullptr) next_->phase_begin(phase);
}

void LiveEnergy::phase_end(const Phase& phase) {
  if (next_ != nullptr) next_->phase_end(phase);
}

void LiveEnergy::domain(const Domain& domain) {
  if (next_ != nullptr) next_->domain(domain);
  if (!is_energy(domain)) return;
  const std::lock_guard lock(mutex_);
  domains_[domain.id] = domain;
}

void LiveEnergy::samples(const std::vector<Sample>& samples) {
  if (next_ != nullptr) next_->samples(samples);
  const std::lock_guard lock(mutex_);
  for (const Sample& sample : samples) {
    if (domains_.contains(sample.domain_id)) recent_[sample.domain_id].push_back(sample);
  }
}

void LiveEnergy::event(TraceEvent event) {
  {
    const std::lock_guard lock(mutex_);
    events_.push_back(event);
  }
  if (next_ != nullptr) next_->event(std::move(event));
}

}  // namespace aieb
