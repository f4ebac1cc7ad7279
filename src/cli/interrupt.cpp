#include "cli/interrupt.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "core/error.h"

namespace aieb::cli {
namespace {

constexpr std::array kSignals = {SIGINT, SIGTERM, SIGHUP};
constexpr char kStop = 's';
constexpr char kQuit = 'q';

// What the handler touches: lock-free atomics and write(2), nothing else is allowed in one.
std::atomic<int> signals_seen{0};
std::atomic<int> pipe_write{-1};
std::atomic<int> pipe_read{-1};
std::array<struct sigaction, kSignals.size()> previous_actions;

void on_signal(int) {
  const int saved = errno;
  if (signals_seen.fetch_add(1) > 0) ::_exit(static_cast<int>(ExitCode::kInterrupted));
  [[maybe_unused]] const ssize_t n = ::write(pipe_write.load(), &kStop, 1);
  errno = saved;
}

void open_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    throw EnvironmentError(std::string("cannot open a pipe: ") + std::strerror(errno) +
                           ". Raise the limit of open files (ulimit -n).");
  }
  pipe_read = ends[0];
  pipe_write = ends[1];
}

void install_handlers() {
  struct sigaction action{};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  for (size_t i = 0; i < kSignals.size(); ++i) {
    ::sigaction(kSignals[i], nullptr, &previous_actions[i]);
    // nohup ignores SIGHUP on purpose. A shell also ignores SIGINT for background jobs, but who
    // sends that to a run wants it to end with its results.
    const bool keep_ignoring = kSignals[i] == SIGHUP && previous_actions[i].sa_handler == SIG_IGN;
    if (!keep_ignoring) ::sigaction(kSignals[i], &action, nullptr);
  }
}

void restore_handlers() {
  for (size_t i = 0; i < kSignals.size(); ++i) {
    ::sigaction(kSignals[i], &previous_actions[i], nullptr);
  }
}

}  // namespace

InterruptGuard::InterruptGuard(std::function<void()> on_stop) : on_stop_(std::move(on_stop)) {
  open_pipe();
  signals_seen = 0;
  watcher_ = std::thread([this] {
    char what = kQuit;
    while (::read(pipe_read.load(), &what, 1) < 0 && errno == EINTR) {
    }
    if (what != kStop) return;
    stop_.request_stop();
    on_stop_();
  });
  install_handlers();
}

InterruptGuard::~InterruptGuard() {
  restore_handlers();
  [[maybe_unused]] const ssize_t n = ::write(pipe_write.load(), &kQuit, 1);
  watcher_.join();
  ::close(pipe_write.exchange(-1));
  ::close(pipe_read.exchange(-1));
}

}  // namespace aieb::cli
