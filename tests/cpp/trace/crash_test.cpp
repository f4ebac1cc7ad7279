#include <array>
#include <csignal>
#include <filesystem>
#include <iostream>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/clock.h"
#include "trace/reader.h"
#include "trace/recorder.h"
#include "trace/trace_testing.h"

namespace aieb {
namespace {
namespace fs = std::filesystem;

/// Records requests and samples until it is killed. Tells the parent that it began.
[[noreturn]] void record_forever(const std::string& path, int ready_fd) {
  const auto recorder = TraceRecorder::create(path);
  recorder->phase_begin({1, PhaseKind::kMeasure, 0, now_ns(), 0});
  for (int64_t id = 0;; ++id) {
    RequestRecord record;
    record.id = id;
    record.sent_ns = now_ns();
    recorder->request_started(record);
    recorder->samples({{0, now_ns(), static_cast<double>(id)}});
    if (id % 2 == 0) {
      record.status = RequestStatus::kOk;
      record.done_ns = now_ns();
      recorder->request_finished(record);
    }
    if (id == 10 && ::write(ready_fd, "x", 1) != 1) ::_exit(1);
    ::usleep(500);
  }
}

/// A trace left by a child that was killed after about `lifetime_s`, and the time of the kill.
int64_t leave_a_killed_trace(const std::string& path, double lifetime_s) {
  std::array<int, 2> pipe_fds{};
  if (::pipe(pipe_fds.data()) != 0) return 0;
  const pid_t child = ::fork();
  if (child == 0) record_forever(path, pipe_fds[1]);
  char byte = 0;
  EXPECT_EQ(::read(pipe_fds[0], &byte, 1), 1);
  ::usleep(static_cast<useconds_t>(lifetime_s * 1e6));
  const int64_t killed = now_ns();
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(pipe_fds[0]);
  ::close(pipe_fds[1]);
  return killed;
}

TEST(Crash, a_killed_run_keeps_everything_older_than_200_ms) {
  const TempFolder folder;
  const int64_t killed = leave_a_killed_trace(folder.file("run.db"), 1.2);
  ASSERT_TRUE(fs::exists(folder.file("run.db-wal"))) << "the test must read an unfinished file";

  const Trace trace = read_trace(folder.file("run.db"));
  ASSERT_GT(trace.requests.size(), 100U);
  const int64_t margin = nanoseconds(0.3);  // for a machine that is busy with other things
  EXPECT_GT(trace.requests.back().sent_ns.value(), killed - nanoseconds(0.2) - margin);
  EXPECT_GT(trace.samples.back().t_ns, killed - nanoseconds(0.2) - margin);
  for (size_t i = 0; i < trace.requests.size(); ++i) {
    ASSERT_EQ(trace.requests[i].id, static_cast<int64_t>(i)) << "no hole";
  }
  // All but perhaps the last one, whose end may have come after the last commit.
  for (size_t i = 0; i + 1 < trace.requests.size(); ++i) {
    ASSERT_EQ(trace.requests[i].status, i % 2 == 0 ? RequestStatus::kOk : RequestStatus::kLost);
  }
  ASSERT_EQ(trace.phases.size(), 1U);
  EXPECT_GT(trace.phases[0].end_ns, killed - nanoseconds(0.2) - margin);
}

/// How many requests a user without any rights reads from a trace; −1 for an error.
int requests_read_without_rights(const std::string& path) {
  if (::geteuid() == 0 && (::setgid(65534) != 0 || ::setuid(65534) != 0)) return -1;
  try {
    return static_cast<int>(read_trace(path).requests.size());
  } catch (const std::exception& error) {
    std::cout << error.what() << std::endl;
    return -1;
  }
}

TEST(Crash, a_killed_trace_reads_from_a_folder_that_cannot_be_written_and_stays_as_it_was) {
  const TempFolder folder;
  const std::string path = folder.file("run.db");
  leave_a_killed_trace(path, 0.3);
  fs::remove(path + "-shm");
  const auto size_before = fs::file_size(path + "-wal");
  fs::permissions(folder.path(), fs::perms(0555));
  const pid_t child = ::fork();
  if (child == 0) ::_exit(requests_read_without_rights(path) > 10 ? 0 : 1);
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  fs::permissions(folder.path(), fs::perms::owner_all);
  EXPECT_EQ(fs::file_size(path + "-wal"), size_before);
}

}  // namespace
}  // namespace aieb
