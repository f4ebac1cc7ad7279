#include "runner/passes.h"

#include <fmt/format.h>

#include "core/random.h"

namespace aieb {
namespace {

/// Which use of the run's seed draws the pauses.
constexpr uint64_t kPauseSeed = 30;

}  // namespace

Workload pass_of(const Workload& workload, int pass, int64_t free_id, bool salted) {
  Workload out = workload;
  out.load.first_repeat_id = free_id;
  if (pass == 0) return out;
  for (Request& request : out.requests) {
    request.id = out.load.first_repeat_id++;
    if (!request.session.empty()) request.session += fmt::format("-pass-{}", pass);
    if (salted) request.cache_salt = fmt::format("pass-{}", pass);
  }
  return out;
}

std::vector<double> planned_pauses(const Protocol& protocol, uint64_t seed) {
  Random random(derived_seed(seed, kPauseSeed));
  std::vector<double> pauses;
  for (int i = 0; i < protocol.repeats; ++i) {
    pauses.push_back(protocol.pause_s > 0 ? protocol.pause_s * random.uniform() : 0);
  }
  return pauses;
}

}  // namespace aieb
