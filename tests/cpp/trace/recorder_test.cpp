#include "trace/recorder.h"

#include <filesystem>
#include <fstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/error.h"
#include "core/trace_data.h"
#include "trace/reader.h"
#include "trace/sqlite_db.h"
#include "trace/storage.h"
#include "trace/trace_testing.h"

namespace aieb {
namespace {
namespace fs = std::filesystem;
using ::testing::HasSubstr;

RequestRecord full_record() {
  RequestRecord r;
  r.id = 7;
  r.prompt_index = 3;
  r.repeat = 1;
  r.session = "s";
  r.planned_ns = 10;
  r.queued_ns = 11;
  r.sent_ns = 12;
  r.first_token_ns = 20;
  r.last_token_ns = 40;
  r.done_ns = 41;
  r.status = RequestStatus::kOk;
  r.prompt_tokens = 5;
  r.output_tokens = 3;
  r.finish_reason = "length";
  r.text = "héllo";
  r.extra = {{"token_ids", {1, 2, 3}}};
  r.token_times = {{20, 1}, {40, 2}};
  return r;
}

/// The error's message, or "" when nothing was thrown.
template <typename Expected, typename Action>
std::string message_of(Action action) {
  try {
    action();
  } catch (const Expected& error) {
    return error.what();
  }
  return "";
}

TEST(Recorder, writes_what_the_reader_reads) {
  const TempFolder folder;
  const auto recorder = TraceRecorder::create(folder.file("new/folder/run.db"));
  recorder->set_meta(meta::kRunId, "first");
  recorder->set_meta(meta::kRunId, "r1");
  recorder->phase_begin({1, PhaseKind::kMeasure, 2, 100, 0});
  recorder->phase_end({1, PhaseKind::kMeasure, 2, 100, 900});
  recorder->domain({4, "rapl", Component::kCpu, 1, "package-1", DomainKind::kCounter, "J", 6.1e-5,
                    1'000'000, 0.03, "powercap", 25});
  recorder->samples({{4, 300, 1.5}, {2, 250, 7}, {4, 200, 0.5}});
  recorder->event({500, "throttling", {{"gpu", 0}}});
  recorder->request_started(full_record());
  recorder->request_finished(full_record());
  recorder->close();

  const Trace trace = read_trace(recorder->path());
  EXPECT_EQ(trace.meta.at(meta::kRunId), "r1");
  EXPECT_EQ(trace.meta.at(meta::kSchemaVersion), "1");
  ASSERT_EQ(trace.phases.size(), 1U);
  EXPECT_EQ(trace.phases[0].end_ns, 900);
  EXPECT_EQ(trace.phases[0].repeat, 2);
  ASSERT_EQ(trace.domains.size(), 1U);
  EXPECT_EQ(trace.domains[0].name, "package-1");
  EXPECT_EQ(trace.domains[0].index, 1);
  EXPECT_DOUBLE_EQ(trace.domains[0].gain_uncertainty, 0.03);
  EXPECT_EQ(trace.domains[0].averaging_ns, 25);
  ASSERT_EQ(trace.samples.size(), 3U);
  EXPECT_EQ(trace.samples[0].domain_id, 2);
  EXPECT_EQ(trace.samples[1].t_ns, 200);
  EXPECT_EQ(trace.samples[2].value, 1.5);
  ASSERT_EQ(trace.events.size(), 1U);
  EXPECT_EQ(trace.events[0].data["gpu"], 0);
}

TEST(Recorder, keeps_every_field_of_a_request) {
  const TempFolder folder;
  const auto recorder = TraceRecorder::create(folder.file("run.db"));
  recorder->request_finished(full_record());
  recorder->close();
  const Trace trace = read_trace(recorder->path());
  ASSERT_EQ(trace.requests.size(), 1U);
  const RequestRecord& r = trace.requests[0];
  const RequestRecord expected = full_record();
  EXPECT_EQ(r.id, expected.id);
  EXPECT_EQ(r.prompt_index, expected.prompt_index);
  EXPECT_EQ(r.repeat, expected.repeat);
  EXPECT_EQ(r.session, expected.session);
  EXPECT_EQ(r.planned_ns, expected.planned_ns);
  EXPECT_EQ(r.queued_ns, expected.queued_ns);
  EXPECT_EQ(r.sent_ns, expected.sent_ns);
  EXPECT_EQ(r.first_token_ns, expected.first_token_ns);
  EXPECT_EQ(r.last_token_ns, expected.last_token_ns);
  EXPECT_EQ(r.done_ns, expected.done_ns);
  EXPECT_EQ(r.status, RequestStatus::kOk);
  EXPECT_EQ(r.prompt_tokens, expected.prompt_tokens);
  EXPECT_EQ(r.cached_tokens, std::nullopt);
  EXPECT_EQ(r.output_tokens, expected.output_tokens);
  EXPECT_EQ(r.finish_reason, expected.finish_reason);
  EXPECT_EQ(r.text, expected.text);
  EXPECT_EQ(r.extra, expected.extra);
  ASSERT_EQ(r.token_times.size(), 2U);
  EXPECT_EQ(r.token_times[1].t_ns, 40);
  EXPECT_EQ(r.token_times[1].count, 2);
}

TEST(Recorder, a_request_that_never_finished_is_lost) {
  const TempFolder folder;
  const auto recorder = TraceRecorder::create(folder.file("run.db"));
  recorder->request_started(full_record());
  recorder->close();
  const Trace trace = read_trace(recorder->path());
  ASSERT_EQ(trace.requests.size(), 1U);
  EXPECT_EQ(trace.requests[0].status, RequestStatus::kLost);
}

TEST(Recorder, a_request_id_used_twice_is_recorded_as_a_warning) {
  const TempFolder folder;
  const auto recorder = TraceRecorder::create(folder.file("run.db"));
  recorder->request_finished(full_record());
  recorder->request_started(full_record());
  recorder->close();
  const Trace trace = read_trace(recorder->path());
  ASSERT_EQ(trace.events.size(), 1U);
  EXPECT_EQ(trace.events[0].kind, "warning");
  EXPECT_EQ(trace.events[0].data["request_id"], 7);
}

TEST(Recorder, text_that_is_not_utf8_does_not_end_the_recording) {
  const TempFolder folder;
  const auto recorder = TraceRecorder::create(folder.file("run.db"));
  RequestRecord record = full_record();
  record.text = "broken \xff";
  record.extra = {{"raw", "broken \xff"}};
  recorder->request_finished(record);
  recorder->close();
  EXPECT_EQ(read_trace(recorder->path()).requests[0].text, record.text);
}

TEST(Recorder, flush_makes_everything_before_it_readable) {
  const TempFolder folder;
  RecorderOptions options;
  options.commit_interval_ns = nanoseconds(60);
  const auto recorder = TraceRecorder::create(folder.file("run.db"), options);
  recorder->set_meta("a", "1");
  recorder->flush();
  EXPECT_EQ(read_trace(recorder->path()).meta.at("a"), "1");
}

TEST(Recorder, pairs_the_clocks_at_the_interval_with_a_tight_bracket) {
  const TempFolder folder;
  RecorderOptions options;
  options.commit_interval_ns = nanoseconds(0.01);
  options.clock_interval_ns = nanoseconds(0.05);
  const auto recorder = TraceRecorder::create(folder.file("run.db"), options);
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  recorder->close();
  const Trace trace = read_trace(recorder->path());
  EXPECT_GE(trace.clock.size(), 5U);
  EXPECT_LE(trace.clock.size(), 13U);
  for (const ClockPair& pair : trace.clock) {
    EXPECT_LT(pair.uncertainty_ns, 10'000'000);
    EXPECT_NEAR(seconds(pair.wall_ns - wall_ns()), seconds(pair.mono_ns - now_ns()), 1.0);
  }
}

TEST(Recorder, leaves_one_file_and_nothing_beside_it) {
  const TempFolder folder;
  const auto recorder = TraceRecorder::create(folder.file("run.db"));
  recorder->samples({{0, 1, 2}});
  recorder->close();
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1);
}

TEST(Recorder, refuses_to_overwrite_a_trace) {
  const TempFolder folder;
  TraceRecorder::create(folder.file("run.db"))->close();
  EXPECT_THAT(message_of<ConfigError>([&] { TraceRecorder::create(folder.file("run.db")); }),
              HasSubstr("exists already"));
}

TEST(Recorder, an_impossible_folder_is_an_environment_error_that_names_it) {
  const TempFolder folder;
  std::ofstream(folder.file("plain")) << "x";
  const std::string message =
      message_of<EnvironmentError>([&] { TraceRecorder::create(folder.file("plain/sub/run.db")); });
  EXPECT_THAT(message, HasSubstr(folder.file("plain/sub")));
  EXPECT_THAT(message, HasSubstr("output_dir"));
}

/// Runs `body` in a child process whose files may not grow beyond `bytes`; its exit status.
template <typename Body>
int in_child_with_file_limit(rlim_t bytes, Body body) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{bytes, bytes};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    ::_exit(body());
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(Recorder, a_disk_full_at_the_start_is_an_environment_error) {
  const TempFolder folder;
  const int status = in_child_with_file_limit(1024, [&] {
    return message_of<EnvironmentError>([&] {
             TraceRecorder::create(folder.file("run.db"));
           }).find("run.db") == std::string::npos;
  });
  EXPECT_EQ(status, 0);
}

TEST(Recorder, a_disk_that_fills_up_is_reported_and_keeps_what_was_written) {
  const TempFolder folder;
  const std::string path = folder.file("run.db");
  const int status = in_child_with_file_limit(400'000, [&] {
    const auto recorder = TraceRecorder::create(path);
    recorder->set_meta("early", "kept");
    recorder->flush();
    if (recorder->failure()) return 1;
    const std::vector<Sample> many(20'000, Sample{0, 1, 0.1});
    for (int i = 0; i < 40; ++i) recorder->samples(many);
    recorder->flush();
    if (!recorder->failure()) return 2;
    const std::string message = message_of<EnvironmentError>([&] { recorder->close(); });
    return message.find("records lost") == std::string::npos ? 3 : 0;
  });
  EXPECT_EQ(status, 0);
  EXPECT_EQ(read_trace(path).meta.at("early"), "kept");
}

TEST(Recorder, records_beyond_the_memory_limit_are_dropped_and_counted) {
  const TempFolder folder;
  RecorderOptions options;
  options.commit_interval_ns = nanoseconds(60);  // the writer sleeps, as behind a stuck disk
  options.max_pending_bytes = 100'000;
  const auto recorder = TraceRecorder::create(folder.file("run.db"), options);
  for (int i = 0; i < 10'000; ++i) recorder->samples({{0, i, 1.0}});
  const auto failure = recorder->failure();
  ASSERT_TRUE(failure);
  EXPECT_THAT(*failure, HasSubstr("does not keep up"));
  EXPECT_THAT(message_of<EnvironmentError>([&] { recorder->close(); }), HasSubstr("lost"));
  EXPECT_GT(read_trace(recorder->path()).samples.size(), 50U);
}

TEST(Recorder, spools_to_a_local_folder_and_moves_the_file_at_the_end) {
  const TempFolder folder;
  RecorderOptions options;
  options.spool = true;
  const auto recorder = TraceRecorder::create(folder.file("run.db"), options);
  recorder->set_meta("a", "1");
  recorder->flush();
  EXPECT_FALSE(fs::exists(folder.file("run.db")));
  recorder->close();
  EXPECT_EQ(read_trace(folder.file("run.db")).meta.at("a"), "1");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1);
}

TEST(Recorder, a_spooled_trace_that_cannot_be_moved_says_where_it_is) {
  const TempFolder folder;
  RecorderOptions options;
  options.spool = true;
  const auto recorder = TraceRecorder::create(folder.file("gone/run.db"), options);
  fs::remove_all(folder.file("gone"));
  const std::string message = message_of<EnvironmentError>([&] { recorder->close(); });
  const size_t start = message.find("complete in '") + 13;
  const std::string spooled = message.substr(start, message.find('\'', start) - start);
  EXPECT_NO_THROW(read_trace(spooled)) << message;
  fs::remove_all(fs::path(spooled).parent_path());
}

TEST(Storage, network_file_systems_are_told_from_local_ones) {
  EXPECT_TRUE(is_remote_filesystem(0x6969));                        // nfs
  EXPECT_TRUE(is_remote_filesystem(0x65735546));                    // fuse
  EXPECT_TRUE(is_remote_filesystem(static_cast<int>(0xFF534D42)));  // cifs, sign-extended
  EXPECT_FALSE(is_remote_filesystem(0x794c7630));                   // overlay
  EXPECT_FALSE(is_remote_filesystem(0xEF53));                       // ext4
  EXPECT_FALSE(is_remote_filesystem(0x01021994));                   // tmpfs
}

TEST(Reader, closes_an_open_phase_at_the_last_known_time) {
  const TempFolder folder;
  const auto recorder = TraceRecorder::create(folder.file("run.db"));
  const int64_t start = now_ns();
  recorder->phase_begin({1, PhaseKind::kIdle, 0, start, 0});
  recorder->phase_begin({2, PhaseKind::kMeasure, 0, start + 1000, 0});
  recorder->samples({{0, start + nanoseconds(100), 1}});
  recorder->close();
  const Trace trace = read_trace(recorder->path());
  ASSERT_EQ(trace.phases.size(), 2U);
  EXPECT_EQ(trace.phases[0].end_ns, start + 1000);
  EXPECT_EQ(trace.phases[1].end_ns, start + nanoseconds(100));
}

TEST(Reader, refuses_a_newer_schema_and_says_so) {
  const TempFolder folder;
  const auto recorder = TraceRecorder::create(folder.file("run.db"));
  recorder->set_meta(meta::kSchemaVersion, "2");
  recorder->close();
  EXPECT_THAT(message_of<EnvironmentError>([&] { read_trace(recorder->path()); }),
              HasSubstr("newer version"));
}

TEST(Reader, names_the_file_and_the_value_that_is_damaged) {
  const TempFolder folder;
  for (const char* key : {meta::kConfig, meta::kSchemaVersion}) {
    const auto recorder = TraceRecorder::create(folder.file(std::string(key) + ".db"));
    recorder->set_meta(key, "{trunc");
    recorder->close();
    const std::string message = message_of<DataError>([&] { read_trace(recorder->path()); });
    EXPECT_THAT(message, HasSubstr(recorder->path()));
    EXPECT_THAT(message, HasSubstr(key));
  }
}

TEST(Reader, tells_a_missing_file_from_one_that_is_no_trace) {
  const TempFolder folder;
  EXPECT_THROW(read_trace(folder.file("none.db")), ConfigError);
  std::ofstream(folder.file("text.db")) << std::string(5000, 'x');
  EXPECT_THROW(read_trace(folder.file("text.db")), DataError);
  Database(folder.file("other.db"), Database::Mode::kCreate).execute("CREATE TABLE t (x)");
  EXPECT_THROW(read_trace(folder.file("other.db")), DataError);
}

}  // namespace
}  // namespace aieb
