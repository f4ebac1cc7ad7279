#include "http/event_loop.h"

#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/error.h"

namespace aieb::http {
namespace {

constexpr size_t kMaxReady = 32;

int checked(int result, const char* what) {
  if (result >= 0) return result;
  throw EnvironmentError(
      fmt::format("{} failed: {}. Raise the limit of open files (ulimit -n) if "
                  "many connections are wanted",
                  what, std::strerror(errno)));
}

}  // namespace

EventLoop::EventLoop() : ready_(kMaxReady) {
  epoll_fd_ = checked(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
  timer_fd_ =
      checked(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC), "timerfd_create");
  wake_fd_ = checked(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), "eventfd");
  watch(timer_fd_, EPOLLIN);
  watch(wake_fd_, EPOLLIN);
}

EventLoop::~EventLoop() {
  for (const int fd : {wake_fd_, timer_fd_, epoll_fd_}) {
    if (fd >= 0) close(fd);
  }
}

void EventLoop::watch(int fd, uint32_t events) {
  const auto index = static_cast<size_t>(fd);
  if (index >= watched_.size()) watched_.resize(index * 2 + 16);
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  // A descriptor that was closed behind our back has left the set, and its number may be new again.
  if (!watched_[index] || epoll_ctl(epoll_fd_, EPOLL_CTL_MOD, fd, &event) < 0) {
    checked(epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
  }
  watched_[index] = true;
}

void EventLoop::unwatch(int fd) {
  const auto index = static_cast<size_t>(fd);
  if (index >= watched_.size() || !watched_[index]) return;
  epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, fd, nullptr);
  watched_[index] = false;
}

std::span<const epoll_event> EventLoop::wait(int64_t until_ns) {
  const bool due = until_ns <= now_ns();
  if (!due && until_ns != armed_ns_) arm(until_ns);
  const int count =
      epoll_wait(epoll_fd_, ready_.data(), static_cast<int>(ready_.size()), due ? 0 : -1);
  if (count < 0) {
    if (errno == EINTR) return {};
    checked(count, "epoll_wait");
  }
  return {ready_.data(), drop_own_events(static_cast<size_t>(count))};
}

/// Empties the timer and the wake-up; what is left is for the caller.
size_t EventLoop::drop_own_events(size_t count) {
  size_t kept = 0;
  for (size_t i = 0; i < count; ++i) {
    const int fd = ready_[i].data.fd;
    if (fd != timer_fd_ && fd != wake_fd_) {
      ready_[kept++] = ready_[i];
      continue;
    }
    uint64_t value = 0;
    if (read(fd, &value, sizeof value) > 0 && fd == timer_fd_) armed_ns_ = kNever;
  }
  return kept;
}

void EventLoop::arm(int64_t at_ns) {
  itimerspec spec{};
  if (at_ns != kNever) {
    spec.it_value.tv_sec = at_ns / 1'000'000'000;
    spec.it_value.tv_nsec = at_ns % 1'000'000'000;
  }
  checked(timerfd_settime(timer_fd_, TFD_TIMER_ABSTIME, &spec, nullptr), "timerfd_settime");
  armed_ns_ = at_ns;
}

void EventLoop::wake() const noexcept {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(wake_fd_, &one, sizeof one);
}

}  // namespace aieb::http
