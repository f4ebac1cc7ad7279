#include "meters/sampler.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "core/clock.h"

namespace aieb {
namespace {

constexpr int64_t kLongestFreshPeriod = 150'000'000;
/// How finely a counter's step is looked for, as a share of its update period.
constexpr int64_t kPollsPerPeriod = 20;

double thread_cpu_s() {
  timespec t{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

bool worth_waiting_for(const Domain& domain) {
  return domain.kind == DomainKind::kCounter && domain.update_period_ns > 0 &&
         domain.update_period_ns <= kLongestFreshPeriod;
}

std::chrono::steady_clock::time_point time_point(int64_t t_ns) {
  return std::chrono::steady_clock::time_point(std::chrono::nanoseconds(t_ns));
}

/// Signals are for the main thread, which decides what Ctrl-C means.
void block_signals() {
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace

Sampler::Sampler(std::vector<std::unique_ptr<Meter>> meters, EventSink& sink) : sink_(sink) {
  for (std::unique_ptr<Meter>& meter : meters) {
    Discovery found = meter->discover();
    const auto first_domain = static_cast<int>(domains_.size());
    for (Domain& domain : found.domains) {
      domain.id = static_cast<int>(domains_.size());
      live_.watch(domain);
      sink_.domain(domain);
      slot_of_domain_.push_back(slots_.size());
      domains_.push_back(std::move(domain));
    }
    slots_.push_back({std::move(meter), first_domain});
  }
  latest_.assign(domains_.size(), std::numeric_limits<double>::quiet_NaN());
}

Sampler::~Sampler() { stop(); }

void Sampler::start() {
  const std::lock_guard lock(mutex_);
  if (running_) return;
  running_ = true;
  stopping_ = false;
  started_ns_ = now_ns();
  cost_ = {};
  thread_ = std::thread([this] { run(); });
}

void Sampler::mark() {
  std::unique_lock lock(mutex_);
  if (!running_ || stopping_) return;
  const int64_t ticket = ++marks_wanted_;
  wake_.notify_all();
  marked_.wait(lock, [&] { return marks_done_ >= ticket || !running_; });
}

void Sampler::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

std::optional<double> Sampler::latest_power_w() const { return live_.watts(now_ns()); }

SamplerCost Sampler::cost() const {
  const std::lock_guard lock(mutex_);
  return cost_;
}

void Sampler::run() {
  ::pthread_setname_np(::pthread_self(), "aieb-sampler");
  block_signals();
  std::vector<int64_t> periods;
  for (const Slot& slot : slots_) periods.push_back(slot.meter->period_ns());
  schedule_.emplace(periods, now_ns());
  read_all();
  for (;;) {
    flush();
    serve_marks();
    const Schedule::Next next = schedule_->empty()
                                    ? Schedule::Next{0, std::numeric_limits<int64_t>::max()}
                                    : schedule_->next(now_ns());
    if (wait_until(next.start_ns)) {
      read_slot(next.job);
      continue;
    }
    const std::lock_guard lock(mutex_);
    if (stopping_) break;
  }
  read_all();
  flush();
  const std::lock_guard lock(mutex_);
  running_ = false;
  marked_.notify_all();
}

bool Sampler::wait_until(int64_t t_ns) {
  std::unique_lock lock(mutex_);
  const auto woken = [&] { return stopping_ || marks_wanted_ > marks_done_; };
  if (t_ns == std::numeric_limits<int64_t>::max()) {
    wake_.wait(lock, woken);
    return false;
  }
  return !wake_.wait_until(lock, time_point(t_ns), woken);
}

void Sampler::read_slot(size_t index) {
  Slot& slot = slots_[index];
  const size_t before = batch_.size();
  const double cpu_before = thread_cpu_s();
  const int64_t start_ns = now_ns();
  slot.meter->read(batch_);
  const int64_t end_ns = now_ns();
  const double cpu_used = thread_cpu_s() - cpu_before;
  for (size_t i = before; i < batch_.size(); ++i) {
    batch_[i].domain_id += slot.first_domain;
    latest_[static_cast<size_t>(batch_[i].domain_id)] = batch_[i].value;
  }
  schedule_->ran(index, start_ns, end_ns);
  const std::lock_guard lock(mutex_);
  cost_.meters_cpu_s += cpu_used;
  cost_.longest_read_s = std::max(cost_.longest_read_s, seconds(end_ns - start_ns));
  ++cost_.reads;
}

/// Quick meters first: their samples then lie as close together as they can.
void Sampler::read_all() {
  std::vector<size_t> order(slots_.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return schedule_->cost_ns(a) < schedule_->cost_ns(b);
  });
  for (const size_t slot : order) read_slot(slot);
}

void Sampler::serve_marks() {
  int64_t wanted = 0;
  {
    const std::lock_guard lock(mutex_);
    if (marks_wanted_ == marks_done_) return;
    wanted = marks_wanted_;
  }
  read_all();
  read_until_fresh();
  flush();
  const std::lock_guard lock(mutex_);
  marks_done_ = wanted;
  marked_.notify_all();
}

/// Slow counters first, so that the quick ones are freshest when the mark returns.
void Sampler::read_until_fresh() {
  std::map<int64_t, std::vector<size_t>, std::greater<>> by_period;
  for (const Domain& domain : domains_) {
    const auto id = static_cast<size_t>(domain.id);
    if (worth_waiting_for(domain) && !std::isnan(latest_[id])) {
      by_period[domain.update_period_ns].push_back(id);
    }
  }
  for (auto& [period_ns, ids] : by_period) wait_for_steps(period_ns, std::move(ids));
}

void Sampler::wait_for_steps(int64_t period_ns, std::vector<size_t> ids) {
  const std::vector<double> old = latest_;
  const int64_t give_up_ns = now_ns() + period_ns + period_ns / 2;
  while (!ids.empty() && now_ns() < give_up_ns) {
    run_due_jobs(now_ns() + period_ns / kPollsPerPeriod);
    std::set<size_t> slots;
    for (const size_t id : ids) slots.insert(slot_of_domain_[id]);
    for (const size_t slot : slots) {
      run_due_jobs(now_ns());
      read_slot(slot);
    }
    std::erase_if(ids, [&](size_t id) { return latest_[id] != old[id]; });
  }
}

/// Lets the other meters keep their deadlines until `until_ns`, then returns.
void Sampler::run_due_jobs(int64_t until_ns) {
  for (;;) {
    const Schedule::Next next = schedule_->next(now_ns());
    const int64_t wake_ns = std::min(next.start_ns, until_ns);
    const timespec t{wake_ns / 1'000'000'000, wake_ns % 1'000'000'000};
    ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, nullptr);
    if (next.start_ns >= until_ns) return;
    read_slot(next.job);
  }
}

void Sampler::flush() {
  if (!batch_.empty()) {
    live_.add(batch_);
    sink_.samples(batch_);
    batch_.clear();
  }
  for (Slot& slot : slots_) {
    for (TraceEvent& event : slot.meter->take_events()) sink_.event(std::move(event));
  }
  const double cpu = thread_cpu_s();
  const std::lock_guard lock(mutex_);
  cost_.cpu_s = cpu;
  cost_.wall_s = seconds(now_ns() - started_ns_);
}

}  // namespace aieb
