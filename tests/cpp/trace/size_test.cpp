#include <ctime>
#include <filesystem>
#include <random>

#include <gtest/gtest.h>

#include "core/clock.h"
#include "trace/reader.h"
#include "trace/recorder.h"
#include "trace/trace_testing.h"

namespace aieb {
namespace {

double thread_cpu_s() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

std::vector<RequestRecord> realistic_requests(int count, int tokens) {
  std::mt19937_64 random(test_seed());
  std::exponential_distribution<double> gap(1.0 / 0.02);
  std::vector<RequestRecord> requests(count);
  int64_t start = nanoseconds(200'000);  // a machine that is up for two days
  for (int i = 0; i < count; ++i) {
    RequestRecord& r = requests[i];
    start += nanoseconds(gap(random));
    r.id = i;
    r.prompt_index = i;
    r.planned_ns = r.queued_ns = r.sent_ns = start;
    int64_t t = start + nanoseconds(0.2);
    r.first_token_ns = t;
    for (int k = 0; k < tokens; ++k, t += nanoseconds(gap(random))) r.token_times.push_back({t, 1});
    r.last_token_ns = r.token_times.back().t_ns;
    r.done_ns = *r.last_token_ns + 100'000;
    r.status = RequestStatus::kOk;
    r.prompt_tokens = 300;
    r.output_tokens = tokens;
    r.finish_reason = "length";
    r.text = std::string(static_cast<size_t>(tokens) * 4, 'a' + static_cast<char>(i % 26));
  }
  return requests;
}

TEST(Size, a_hundred_thousand_requests_of_100_tokens_take_less_than_100_MB) {
  constexpr int kRequests = 100'000;
  const TempFolder folder;
  const auto recorder = TraceRecorder::create(folder.file("run.db"));
  std::vector<RequestRecord> requests = realistic_requests(kRequests, 100);
  for (int i = 0; i < kRequests; ++i) {
    recorder->request_finished(std::move(requests[i]));
    if (i % 10'000 == 0) recorder->flush();  // as slow as a real run: memory stays small
  }
  recorder->close();
  const auto bytes = std::filesystem::file_size(recorder->path());
  std::cout << "file: " << static_cast<double>(bytes) / 1e6 << " MB\n";
  EXPECT_LT(bytes, 100'000'000U);
}

TEST(Speed, recording_costs_less_than_two_microseconds_a_call) {
  constexpr int kRequests = 20'000;
  const TempFolder folder;
  const auto recorder = TraceRecorder::create(folder.file("run.db"));
  std::vector<RequestRecord> finished = realistic_requests(kRequests, 100);
  std::vector<RequestRecord> started(kRequests);
  for (int i = 0; i < kRequests; ++i) started[i].id = i;
  const std::vector<Sample> samples(20);

  const double before = thread_cpu_s();
  for (int i = 0; i < kRequests; ++i) {
    recorder->request_started(started[i]);
    recorder->request_finished(std::move(finished[i]));
    recorder->samples(samples);
  }
  const double per_call_us = (thread_cpu_s() - before) / (3 * kRequests) * 1e6;
  std::cout << "CPU of the recording thread: " << per_call_us << " µs a call\n";
  recorder->close();
  EXPECT_LT(per_call_us, 2.0);
  EXPECT_EQ(recorder->failure(), std::nullopt);
}

}  // namespace
}  // namespace aieb
