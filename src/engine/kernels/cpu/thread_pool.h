#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>
#include <type_traits>
#include <vector>

namespace aieb::engine::cpu {

/// A fixed team of threads for work of microseconds: the caller is rank 0, the others spin for the
/// next job and sleep in the kernel when none comes for `kSpin`, so an idle team takes no CPU time.
///
/// One thread at a time may call `run`. Independent of OpenMP: it shares no state with ATen's team.
class ThreadTeam {
 public:
  /// How long an idle worker spins before it sleeps; covers sampling between two tokens.
  static constexpr std::chrono::microseconds kSpin{200};

  /// `threads` includes the caller and is at least 1.
  explicit ThreadTeam(int threads);
  ~ThreadTeam();
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;

  [[nodiscard]] int size() const { return static_cast<int>(workers_.size()) + 1; }

  /// Calls body(rank) once on every thread and returns when all have returned. What happens before
  /// `run` is visible to every body, what bodies do is visible after it. `body` must not throw and
  /// must not call `run`.
  template <class Body>
  void run(Body&& body) {
    using Plain = std::remove_reference_t<Body>;
    const auto call = [](void* context, int rank) { (*static_cast<Plain*>(context))(rank); };
    run_job({call, const_cast<void*>(static_cast<const void*>(&body))});
  }

  /// Inside `run`: returns when every thread of the team has called it.
  void barrier();

 private:
  struct Job {
    void (*call)(void* context, int rank) = nullptr;
    void* context = nullptr;
  };

  void run_job(Job job);
  void work(int rank);

  /// Each on its own cache line: workers poll `generation_` while others write the counters.
  alignas(64) std::atomic<std::uint32_t> generation_{0};  ///< counts jobs
  alignas(64) std::atomic<std::uint32_t> arrived_{0};     ///< at the current barrier
  alignas(64) std::atomic<std::uint32_t> passed_{0};      ///< barriers passed by the whole team
  alignas(64) Job job_;
  bool stopping_ = false;
  std::vector<std::thread> workers_;
};

}  // namespace aieb::engine::cpu
