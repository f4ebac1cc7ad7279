#include "core/scheduling.h"

#include <algorithm>
#include <fstream>
#include <optional>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace aieb {
namespace {

int niceness() { return ::getpriority(PRIO_PROCESS, static_cast<id_t>(::syscall(SYS_gettid))); }

/// The slice of the calling thread as the kernel shows it; absent where it shows none.
std::optional<double> slice() {
  std::ifstream lines("/proc/thread-self/sched");
  for (std::string line; std::getline(lines, line);) {
    const size_t colon = line.find(':');
    if (line.starts_with("se.slice") && colon != std::string::npos) {
      return std::stod(line.substr(colon + 1));
    }
  }
  return std::nullopt;
}

TEST(Scheduling, only_the_thread_that_yields_gives_way) {
  const int before = niceness();
  int in_thread = before;
  std::thread([&in_thread] {
    yield_to_others();
    in_thread = niceness();
  }).join();
  EXPECT_EQ(in_thread, std::max(before, 10));
  EXPECT_EQ(niceness(), before);
}

TEST(Scheduling, slices_are_short_while_they_are_asked_for) {
  const std::optional<double> usual = slice();
  if (!usual) GTEST_SKIP() << "this kernel shows no slice of a thread";
  {
    const ShortSlices asked;
    if (slice() == usual) GTEST_SKIP() << "this kernel has one slice for all (before Linux 6.12)";
    EXPECT_EQ(slice(), 100'000);
  }
  EXPECT_EQ(slice(), usual);
}

}  // namespace
}  // namespace aieb
