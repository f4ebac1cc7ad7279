#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace aieb {

/// Decides which of several periodic jobs runs next on one thread, so that slow ones never delay
/// fast ones: a job starts early or late, in a gap between the deadlines of quicker jobs that is
/// long enough for it. Only a job that has waited for a whole period of its own goes first.
///
/// Deadlines lie on a fixed grid (start + k · period): a late run does not shift the later ones,
/// and missed ones are skipped. Pure: the caller brings the clock.
class Schedule {
 public:
  struct Next {
    size_t job = 0;
    int64_t start_ns = 0;  ///< at once when this is not in the future
  };

  /// Jobs of one period are spread over it. All are first due one such share after `start_ns`.
  Schedule(const std::vector<int64_t>& periods_ns, int64_t start_ns);

  [[nodiscard]] bool empty() const { return jobs_.empty(); }

  /// What to run next and when. Requires at least one job.
  [[nodiscard]] Next next(int64_t now_ns) const;

  /// The job ran over [start, end); its cost is remembered.
  void ran(size_t job, int64_t start_ns, int64_t end_ns);

  /// Cost expected of a job: a mean over its recent runs. 0 before the first.
  [[nodiscard]] int64_t cost_ns(size_t job) const { return jobs_[job].cost_ns; }

 private:
  struct Job {
    int64_t period_ns = 0;
    int64_t deadline_ns = 0;
    int64_t cost_ns = 0;
  };
  [[nodiscard]] int64_t earliest_start(const Job& job, int64_t now_ns) const;

  std::vector<Job> jobs_;
};

}  // namespace aieb
