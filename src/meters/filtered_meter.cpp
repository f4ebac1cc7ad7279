#include "meters/filtered_meter.h"

#include <utility>

namespace aieb {

FilteredMeter::FilteredMeter(std::unique_ptr<Meter> meter, const std::set<Component>& without)
    : meter_(std::move(meter)) {
  Discovery found = meter_->discover();
  for (Domain& domain : found.domains) {
    const bool energy = domain.unit == "J" || domain.unit == "W";
    const bool activity = domain.component == Component::kNode && !energy;
    const bool kept = activity || !without.contains(domain.component);
    new_id_.push_back(kept ? static_cast<int>(discovery_.domains.size()) : -1);
    if (!kept) continue;
    domain.id = new_id_.back();
    discovery_.domains.push_back(std::move(domain));
  }
  for (MissingComponent& missing : found.missing) {
    if (!without.contains(missing.component)) discovery_.missing.push_back(std::move(missing));
  }
}

void FilteredMeter::read(std::vector<Sample>& out) {
  if (discovery_.domains.empty()) return;
  const size_t before = out.size();
  meter_->read(out);
  size_t kept = before;
  for (size_t i = before; i < out.size(); ++i) {
    const int id = new_id_[static_cast<size_t>(out[i].domain_id)];
    if (id < 0) continue;
    out[kept] = out[i];
    out[kept++].domain_id = id;
  }
  out.resize(kept);
}

}  // namespace aieb
