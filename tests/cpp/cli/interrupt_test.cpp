#include "cli/interrupt.h"

#include <atomic>
#include <chrono>
#include <thread>

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace aieb::cli {
namespace {

using namespace std::chrono_literals;

/// Waits up to 5 s for a condition.
template <typename Condition>
bool eventually(Condition condition) {
  for (int i = 0; i < 500; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(10ms);
  }
  return false;
}

TEST(Interrupt, requests_a_stop_once_on_the_first_signal) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    std::atomic<int> calls{0};
    const InterruptGuard guard([&] { ++calls; });
    EXPECT_FALSE(guard.token().stop_requested());
    raise(signal);
    EXPECT_TRUE(eventually([&] { return calls == 1; }));
    EXPECT_TRUE(guard.token().stop_requested());
  }
}

TEST(Interrupt, ends_the_process_with_130_on_the_second_signal) {
  const pid_t child = fork();
  if (child == 0) {
    const InterruptGuard guard([] {});
    raise(SIGINT);
    raise(SIGINT);
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 130);
}

TEST(Interrupt, leaves_an_ignored_signal_ignored) {
  signal(SIGHUP, SIG_IGN);
  {
    const InterruptGuard guard([] { FAIL() << "a stop was requested"; });
    raise(SIGHUP);
    std::this_thread::sleep_for(50ms);
    EXPECT_FALSE(guard.token().stop_requested());
  }
  signal(SIGHUP, SIG_DFL);
}

TEST(Interrupt, puts_the_previous_handler_back) {
  struct sigaction before{};
  sigaction(SIGTERM, nullptr, &before);
  {
    const InterruptGuard guard([] {});
  }
  struct sigaction after{};
  sigaction(SIGTERM, nullptr, &after);
  EXPECT_EQ(after.sa_handler, before.sa_handler);
}

}  // namespace
}  // namespace aieb::cli
