#include "backends/vllm/in_flight_limit.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "http/event_loop.h"

namespace aieb::server {
namespace {

/// A share that is computed from a limit must give that limit back.
constexpr double kRounding = 1e-6;

/// The limit without stages.
size_t fixed_limit(const LoadPlan& load) {
  if (load.mode == "sequential") return 1;
  const auto concurrency = static_cast<size_t>(std::max(1, load.concurrency));
  if (load.mode == "closed" || concurrency > 1) return concurrency;
  return std::numeric_limits<size_t>::max();
}

/// Where in a stage its limit reaches `wanted`, as a share of its length; above 1: nowhere.
double share_reaching(const ConcurrencyStage& stage, double wanted) {
  if (stage.from >= wanted) return 0;
  if (stage.to < wanted) return 2;
  return (wanted - stage.from) / (stage.to - stage.from);
}

}  // namespace

size_t InFlightLimit::at(int64_t t_ns) const {
  if (load_.stages.empty()) return fixed_limit(load_);
  int64_t start_ns = begin_ns_;
  for (const ConcurrencyStage& stage : load_.stages) {
    const int64_t end_ns = start_ns + stage.duration_ns;
    if (t_ns < end_ns) {
      const double share = static_cast<double>(std::max<int64_t>(0, t_ns - start_ns)) /
                           static_cast<double>(stage.duration_ns);
      return static_cast<size_t>(stage.from + (stage.to - stage.from) * share + kRounding);
    }
    start_ns = end_ns;
  }
  return 0;
}

int64_t InFlightLimit::room_ns(size_t in_flight, int64_t now_ns) const {
  if (in_flight < at(now_ns)) return now_ns;
  int64_t start_ns = begin_ns_;
  for (const ConcurrencyStage& stage : load_.stages) {
    const int64_t end_ns = start_ns + stage.duration_ns;
    const double share = share_reaching(stage, static_cast<double>(in_flight) + 1 - kRounding);
    const double offset_ns = std::ceil(share * static_cast<double>(stage.duration_ns));
    int64_t room_ns = start_ns + static_cast<int64_t>(offset_ns);
    // A product that should be whole may lie on either side of it.
    if (share <= 1 && room_ns > start_ns && at(room_ns - 1) > in_flight) --room_ns;
    if (share <= 1 && room_ns < end_ns && at(room_ns) <= in_flight) ++room_ns;
    if (share <= 1 && room_ns >= now_ns && room_ns < end_ns) return room_ns;
    start_ns = end_ns;
  }
  return http::kNever;
}

}  // namespace aieb::server
