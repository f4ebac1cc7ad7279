#include "engine/kernels/cpu/thread_pool.h"

#include <stdexcept>

namespace aieb::engine::cpu {
namespace {

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// Returns when `value` is no longer `old`: spins first, then sleeps until it is notified.
void wait_while(const std::atomic<std::uint32_t>& value, std::uint32_t old) {
  constexpr int kPausesPerLook = 64;  // a look at the clock costs as much as a pause or two
  const auto deadline = std::chrono::steady_clock::now() + ThreadTeam::kSpin;
  do {
    for (int i = 0; i < kPausesPerLook; ++i) {
      if (value.load(std::memory_order_acquire) != old) return;
      pause();
    }
  } while (std::chrono::steady_clock::now() < deadline);
  value.wait(old, std::memory_order_acquire);
}

}  // namespace

ThreadTeam::ThreadTeam(int threads) {
  if (threads < 1) throw std::invalid_argument("a thread team has at least one thread");
  workers_.reserve(static_cast<std::size_t>(threads - 1));
  for (int rank = 1; rank < threads; ++rank) workers_.emplace_back([this, rank] { work(rank); });
}

ThreadTeam::~ThreadTeam() {
  stopping_ = true;
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadTeam::run_job(Job job) {
  if (workers_.empty()) return job.call(job.context, 0);
  job_ = job;
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  job.call(job.context, 0);
  barrier();
}

void ThreadTeam::work(int rank) {
  for (std::uint32_t seen = 0;; ++seen) {
    wait_while(generation_, seen);
    if (stopping_) return;
    job_.call(job_.context, rank);
    barrier();
  }
}

void ThreadTeam::barrier() {
  const std::uint32_t passed = passed_.load(std::memory_order_relaxed);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 < static_cast<std::uint32_t>(size()))
    return wait_while(passed_, passed);
  arrived_.store(0, std::memory_order_relaxed);
  passed_.fetch_add(1, std::memory_order_release);
  passed_.notify_all();
}

}  // namespace aieb::engine::cpu
