#include <chrono>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../meters/fake_nvml.h"
#include "core/clock.h"
#include "runner/repeat_runner.h"
#include "runner/runner.h"

namespace aieb {
namespace {

using test::FakeNvml;
using test::FakeTree;
using test::NoNvml;
using ::testing::Contains;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

/// Answers each request after a time, with 10 tokens; or fails it.
class SteadyBackend : public Backend {
 public:
  using Delay = std::function<double(int)>;  ///< s, by how many it has answered before
  SteadyBackend(Delay delay_s, std::vector<int> gpus, bool fails)
      : delay_s_(std::move(delay_s)), gpus_(std::move(gpus)), fails_(fails) {}

  [[nodiscard]] BackendInfo info() const override {
    BackendInfo info;
    info.type = info.engine = "fake";
    info.device = gpus_.empty() ? "cpu" : "cuda:0";
    info.gpu_indices = gpus_;
    info.in_process = true;
    return info;
  }
  void validate() override {}
  void load() override {}
  void unload() override {}
  void run(const Workload& workload, RunContext& context) override {
    for (const Request& request : workload.requests) {
      if (context.stop.stop_requested()) return;
      RequestRecord record;
      record.id = request.id;
      record.prompt_index = request.prompt_index;
      record.repeat = context.repeat;
      record.sent_ns = now_ns();
      context.sink.request_started(record);
      std::this_thread::sleep_for(std::chrono::duration<double>(delay_s_(answered_++)));
      record.done_ns = now_ns();
      record.status = fails_ ? RequestStatus::kFailed : RequestStatus::kOk;
      if (!fails_) {
        record.first_token_ns = record.last_token_ns = record.done_ns;
        record.output_tokens = 10;
      }
      context.sink.request_finished(record);
    }
  }

 private:
  Delay delay_s_;
  std::vector<int> gpus_;
  bool fails_;
  int answered_ = 0;
};

struct ProtocolRun {
  FakeTree folder;
  BenchmarkConfig config;
  SteadyBackend::Delay delay_s = [](int) { return 0.02; };
  std::vector<int> gpus;
  bool fails = false;
  std::function<void(const Progress&)> on_progress;

  explicit ProtocolRun(Json protocol) {
    folder.write("prompts.jsonl", "{\"text\": \"a\"}\n{\"text\": \"b\"}\n{\"text\": \"c\"}\n");
    config.backend.type = "pytorch";
    config.scenario.dataset_name = folder.path("prompts.jsonl");
    config.scenario.num_samples = 2;
    config.metrics.idle_s = 0;
    config.metrics.protocol = std::move(protocol);
  }

  RunOutcome execute() {
    RunOptions options;
    options.on_progress = on_progress;
    options.trace_path = folder.path("run.db");
    options.make_backend = [this](const BenchmarkConfig&) {
      return std::make_unique<SteadyBackend>(delay_s, gpus, fails);
    };
    return run_benchmark(config, options);
  }
};

std::vector<std::string> phases_of(const Results& r) {
  std::vector<std::string> out;
  for (const Json& phase : r.protocol["phases"]) {
    out.push_back(phase["kind"].get<std::string>() + phase["repeat"].dump());
  }
  return out;
}

TEST(ProtocolRun, measures_as_often_as_asked_with_ids_of_their_own) {
  const NoNvml none;
  ProtocolRun run({{"repeats", 3}, {"pause_s", 0.05}});
  const RunOutcome outcome = run.execute();
  const Results& r = outcome.results;
  EXPECT_EQ(outcome.exit_code, ExitCode::kOk);
  EXPECT_THAT(phases_of(r), ElementsAre("load0", "warmup0", "measure0", "warmup1", "measure1",
                                        "warmup2", "measure2"));
  EXPECT_EQ(r.repeats.size(), 3U);
  EXPECT_EQ(r.total_prompts, 6);
  std::set<int64_t> ids;
  std::multiset<int> repeats;
  for (const RequestResult& q : r.requests) {
    ids.insert(q.record.id);
    repeats.insert(q.record.repeat);
  }
  EXPECT_EQ(ids.size(), 6U);
  EXPECT_EQ(repeats.count(2), 2U);
  ASSERT_FALSE(r.intervals.empty());
  EXPECT_EQ(r.intervals.front().method, "repeats");
}

TEST(ProtocolRun, a_window_that_is_too_short_is_extended_by_asking_again) {
  const NoNvml none;
  ProtocolRun run({{"min_window_s", 0.3}, {"short_window", "extend"}});
  const Results r = run.execute().results;
  EXPECT_GE(r.measured_s, 0.3);
  EXPECT_GT(r.total_prompts, 4);
  EXPECT_EQ(r.total_prompts % 2, 0) << "all prompts are asked equally often";
  EXPECT_TRUE(r.repeats[0].flags.empty());
}

TEST(ProtocolRun, promises_no_number_of_prompts_while_it_asks_again) {
  const NoNvml none;
  ProtocolRun run({{"min_window_s", 0.7}, {"short_window", "extend"}});
  std::vector<Progress> seen;
  run.on_progress = [&](const Progress& p) {
    if (p.phase == "measuring" && p.prompts_done > 0) seen.push_back(p);
  };
  run.execute();
  ASSERT_FALSE(seen.empty());
  for (const Progress& p : seen) EXPECT_EQ(p.prompts_total, 0);
  EXPECT_THAT(seen.front().remaining_s, ::testing::Optional(::testing::Gt(0.2)));
}

TEST(ExpectedLength, ends_with_the_first_whole_pass_that_is_long_enough) {
  const ExpectedLength extended{.prompts = 20, .at_least_s = 10};
  EXPECT_THAT(remaining_s(extended, 0, 0), ::testing::Optional(10.0));
  EXPECT_THAT(remaining_s(extended, 2, 10), ::testing::Optional(DoubleNear(10, 1e-9)));  // 3 × 4 s
  EXPECT_THAT(remaining_s(extended, 11, 55), ::testing::Optional(DoubleNear(1, 1e-9)));
  EXPECT_THAT(remaining_s(extended, 30, 10), ::testing::Optional(DoubleNear(30, 1e-9)));
  EXPECT_THAT(remaining_s({.prompts = 20}, 2, 10), ::testing::Optional(2.0));
  EXPECT_THAT(remaining_s({.duration_s = 5}, 6, 10), ::testing::Optional(0.0));
  EXPECT_EQ(remaining_s({.prompts = 20}, 2, 0), std::nullopt);
  EXPECT_EQ(remaining_s({}, 2, 3), std::nullopt);
}

TEST(ProtocolRun, a_window_that_is_too_short_is_refused_with_the_remedy) {
  const NoNvml none;
  ProtocolRun run({{"min_window_s", 5}, {"short_window", "refuse"}, {"repeats", 4}});
  const RunOutcome outcome = run.execute();
  EXPECT_EQ(outcome.exit_code, ExitCode::kUsage);
  EXPECT_THAT(outcome.error, HasSubstr("raise scenario.num_samples"));
  EXPECT_EQ(outcome.results.repeats.size(), 1U) << "what was measured is kept";
}

TEST(ProtocolRun, or_flagged) {
  const NoNvml none;
  ProtocolRun run(Json{{"min_window_s", 5}});
  const RunOutcome outcome = run.execute();
  EXPECT_EQ(outcome.exit_code, ExitCode::kOk);
  EXPECT_EQ(outcome.results.repeats[0].flags.at(0).kind, "short");
}

TEST(ProtocolRun, warms_up_until_the_throughput_is_stable) {
  const NoNvml none;
  ProtocolRun run({{"warmup_cv", 0.3}, {"warmup_window", 3}, {"max_warmup_rounds", 20}});
  // The first rounds are slow and get faster: the window must have left them behind.
  run.delay_s = [](int n) { return n < 3 ? 0.25 / (1 << n) : 0.02; };
  const Results r = run.execute().results;
  EXPECT_TRUE(r.repeats[0].flags.empty());
  EXPECT_GE(r.protocol["warmups"].get<int>(), 6);
  EXPECT_LT(r.protocol["warmups"].get<int>(), 20);
}

TEST(ProtocolRun, a_warm_up_that_never_settles_ends_and_is_flagged) {
  const NoNvml none;
  ProtocolRun run({{"warmup_cv", 0.05}, {"warmup_window", 3}, {"max_warmup_rounds", 6}});
  run.delay_s = [](int n) { return n % 2 == 0 ? 0.01 : 0.05; };
  const Results r = run.execute().results;
  EXPECT_EQ(r.protocol["warmups"], 6);
  EXPECT_EQ(r.repeats[0].flags.at(0).kind, "unstable");
  EXPECT_THAT(r.warnings, Contains(HasSubstr("after 6 rounds of warm-up")));
}

TEST(ProtocolRun, a_warm_up_without_answers_says_no_number_of_how_it_varies) {
  const NoNvml none;
  ProtocolRun run({{"warmup_cv", 0.05}, {"warmup_window", 3}, {"max_warmup_rounds", 4}});
  run.fails = true;
  const Results r = run.execute().results;
  EXPECT_THAT(r.warnings, Contains(HasSubstr("say nothing about how much the throughput varies")));
  EXPECT_THAT(r.warnings, Not(Contains(HasSubstr("0.0 %"))));
}

TEST(ProtocolRun, waits_until_the_gpu_has_cooled_down) {
  const FakeNvml nvml(
      "gpu 0 name NVIDIA Fake\ngpu 0 power 0 100\n"
      "gpu 0 temperature 80\ngpu 0 temperature 1.2 45\n");
  ProtocolRun run({{"cooldown_c", 50}, {"cooldown_timeout_s", 30}});
  run.gpus = {0};
  const Results r = run.execute().results;
  EXPECT_THAT(phases_of(r), ElementsAre("load0", "cooldown0", "warmup0", "measure0"));
  EXPECT_GT(r.other_phases.at("cooldown").duration_s, 0.3);
  EXPECT_LT(r.other_phases.at("cooldown").duration_s, 10);
  for (const RepeatFlag& flag : r.repeats[0].flags) EXPECT_NE(flag.kind, "warm");
}

TEST(ProtocolRun, a_gpu_that_stays_warm_is_waited_for_up_to_the_timeout_and_flagged) {
  const FakeNvml nvml("gpu 0 name NVIDIA Fake\ngpu 0 power 0 100\ngpu 0 temperature 80\n");
  ProtocolRun run({{"cooldown_c", 50}, {"cooldown_timeout_s", 0.4}});
  run.gpus = {0};
  const Results r = run.execute().results;
  ASSERT_FALSE(r.repeats[0].flags.empty());
  EXPECT_EQ(r.repeats[0].flags[0].kind, "warm");
  EXPECT_THAT(r.repeats[0].flags[0].text, HasSubstr("80 °C"));
}

TEST(Stability, is_the_variation_of_the_last_rounds_only) {
  const std::vector<double> rates = {10, 100, 101, 99, 100};
  EXPECT_TRUE(is_stable(rates, 4, 0.02));
  EXPECT_FALSE(is_stable(rates, 5, 0.02));
  EXPECT_FALSE(is_stable(rates, 6, 1)) << "fewer rounds than the window";
}

}  // namespace
}  // namespace aieb
