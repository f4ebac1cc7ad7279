#include "meters/live_power.h"

#include "core/clock.h"

namespace aieb {
namespace {

constexpr int64_t kCounterWindow = 500'000'000;
constexpr int64_t kStale = 5'000'000'000;

}  // namespace

void LivePower::watch(const Domain& domain) {
  const bool energy = domain.kind == DomainKind::kCounter ? domain.unit == "J" : domain.unit == "W";
  if (!energy || !in_total(domain.component)) return;
  const std::lock_guard lock(mutex_);
  sources_[domain.id] = {{domain.component, domain.index}, domain.kind, {}, {}, 0};
}

void LivePower::add(const std::vector<Sample>& samples) {
  const std::lock_guard lock(mutex_);
  for (const Sample& sample : samples) {
    const auto it = sources_.find(sample.domain_id);
    if (it == sources_.end()) continue;
    Source& source = it->second;
    if (source.kind != DomainKind::kCounter) {
      source.watts = sample.value;
      source.t_ns = sample.t_ns;
      continue;
    }
    // An exporter may show the same reading for a while: the power is then still unknown.
    const bool same = source.last && sample.value == source.last->value;
    if (source.last && (same || sample.t_ns - source.last->t_ns < kCounterWindow)) continue;
    if (source.last) {
      source.watts = (sample.value - source.last->value) / seconds(sample.t_ns - source.last->t_ns);
      source.t_ns = sample.t_ns;
    }
    source.last = sample;
  }
}

std::optional<double> LivePower::watts(int64_t now_ns) const {
  const std::lock_guard lock(mutex_);
  std::map<std::pair<Component, int>, const Source*> chosen;
  for (const auto& [id, source] : sources_) {
    if (!source.watts || now_ns - source.t_ns > kStale) continue;
    const Source*& best = chosen[source.device];
    if (best == nullptr || source.kind == DomainKind::kCounter) best = &source;
  }
  if (chosen.empty()) return std::nullopt;
  double total = 0;
  for (const auto& [device, source] : chosen) total += *source->watts;
  return total;
}

}  // namespace aieb
