#include "analysis/wall_clock.h"

#include <cstdlib>

namespace aieb {
namespace {

/// The other clock at the moment at which the clock `known` shows `t_ns`.
int64_t converted(const Trace& trace, int64_t t_ns, int64_t ClockPair::* known,
                  int64_t ClockPair::* wanted) {
  const ClockPair* best = nullptr;
  for (const ClockPair& pair : trace.clock) {
    if (best == nullptr || std::abs(pair.*known - t_ns) < std::abs(best->*known - t_ns)) {
      best = &pair;
    }
  }
  return best == nullptr ? 0 : best->*wanted + (t_ns - best->*known);
}

}  // namespace

int64_t wall_time(const Trace& trace, int64_t mono_ns) {
  return converted(trace, mono_ns, &ClockPair::mono_ns, &ClockPair::wall_ns);
}

int64_t mono_time(const Trace& trace, int64_t wall_ns) {
  return converted(trace, wall_ns, &ClockPair::wall_ns, &ClockPair::mono_ns);
}

}  // namespace aieb
