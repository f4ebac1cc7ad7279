#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "core/events.h"
#include "meters/live_power.h"
#include "meters/meter.h"
#include "meters/schedule.h"

namespace aieb {

/// What sampling took so far. The meters' share is mostly the drivers' own work.
struct SamplerCost {
  double wall_s = 0;        ///< since start
  double cpu_s = 0;         ///< CPU time of the sampler's thread
  double meters_cpu_s = 0;  ///< the part of it inside Meter::read
  int64_t reads = 0;        ///< calls of Meter::read
  double longest_read_s = 0;

  /// CPU time outside the meters as a share of one core.
  [[nodiscard]] double own_share() const {
    return wall_s > 0 ? (cpu_s - meters_cpu_s) / wall_s : 0;
  }
};

/// Reads meters on one thread of its own, each at its period, and sends what they say to a sink.
/// The workload is never blocked; only `mark` and `stop` wait.
class Sampler {
 public:
  /// Discovers the meters (opens their sensors) and announces their domains, numbered from 0 over
  /// all meters in order. The sink must outlive the sampler.
  Sampler(std::vector<std::unique_ptr<Meter>> meters, EventSink& sink);
  ~Sampler();
  Sampler(const Sampler&) = delete;
  Sampler& operator=(const Sampler&) = delete;

  /// Begins with a reading of every domain.
  void start();

  /// Reads every domain now and returns when that is done: call it at both edges of a phase. For
  /// counters whose update period is known and at most 150 ms it goes on reading them until they
  /// have moved (at most 1.5 periods), so that the last sample is a fresh one.
  /// Does nothing when the sampler does not run.
  void mark();

  /// A last reading of everything, then the thread ends. Safe to call twice.
  void stop();

  /// Power of the machine for display (gpu + cpu + dram as far as known); absent when unknown.
  [[nodiscard]] std::optional<double> latest_power_w() const;

  [[nodiscard]] SamplerCost cost() const;
  [[nodiscard]] const std::vector<Domain>& domains() const { return domains_; }

 private:
  struct Slot {
    std::unique_ptr<Meter> meter;
    int first_domain = 0;
  };

  void run();
  bool wait_until(int64_t t_ns);  ///< false: woken for a mark or to stop
  void read_slot(size_t slot);
  void read_all();
  void read_until_fresh();
  void wait_for_steps(int64_t period_ns, std::vector<size_t> ids);
  void run_due_jobs(int64_t until_ns);
  void flush();
  void serve_marks();

  EventSink& sink_;
  std::vector<Slot> slots_;
  std::vector<Domain> domains_;
  std::vector<size_t> slot_of_domain_;
  LivePower live_;

  // Owned by the sampler's thread.
  std::optional<Schedule> schedule_;
  std::vector<Sample> batch_;
  std::vector<double> latest_;  ///< by domain id; NaN: never read

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable marked_;
  int64_t marks_wanted_ = 0;
  int64_t marks_done_ = 0;
  bool stopping_ = false;
  bool running_ = false;
  SamplerCost cost_;
  int64_t started_ns_ = 0;
  std::thread thread_;
};

}  // namespace aieb
