#include "meters/schedule.h"

#include <algorithm>
#include <map>

namespace aieb {

Schedule::Schedule(const std::vector<int64_t>& periods_ns, int64_t start_ns) {
  std::map<int64_t, int64_t> alike;
  for (const int64_t period : periods_ns) ++alike[period];
  std::map<int64_t, int64_t> placed;
  for (const int64_t period : periods_ns) {
    const int64_t share = ++placed[period];
    jobs_.push_back({period, start_ns + period * share / alike[period], 0});
  }
}

/// The deadline, or the end of the last quicker job that would otherwise be held up.
int64_t Schedule::earliest_start(const Job& job, int64_t now_ns) const {
  int64_t start = std::max(job.deadline_ns, now_ns);
  if (now_ns >= job.deadline_ns + job.period_ns) return start;
  for (size_t round = 0; round < jobs_.size(); ++round) {
    const auto held_up = std::find_if(jobs_.begin(), jobs_.end(), [&](const Job& other) {
      return other.cost_ns < job.cost_ns && other.deadline_ns < start + job.cost_ns &&
             other.deadline_ns + other.cost_ns > start;
    });
    if (held_up == jobs_.end()) break;
    start = held_up->deadline_ns + held_up->cost_ns;
  }
  return start;
}

Schedule::Next Schedule::next(int64_t now_ns) const {
  Next best{0, earliest_start(jobs_[0], now_ns)};
  for (size_t i = 1; i < jobs_.size(); ++i) {
    const int64_t start = earliest_start(jobs_[i], now_ns);
    const bool sooner = start < best.start_ns;
    const bool quicker = start == best.start_ns && jobs_[i].cost_ns < jobs_[best.job].cost_ns;
    if (sooner || quicker) best = {i, start};
  }
  return best;
}

void Schedule::ran(size_t job, int64_t start_ns, int64_t end_ns) {
  Job& done = jobs_[job];
  const int64_t cost = end_ns - start_ns;
  done.cost_ns = done.cost_ns == 0 ? cost : (3 * done.cost_ns + cost) / 4;
  if (done.deadline_ns > start_ns) return;  // ran early, for a mark: the grid stays
  const int64_t missed = (end_ns - done.deadline_ns) / done.period_ns;
  done.deadline_ns += done.period_ns * (missed + 1);
}

}  // namespace aieb
