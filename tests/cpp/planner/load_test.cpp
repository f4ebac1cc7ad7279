#include <algorithm>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backends/vllm/request_sequence.h"
#include "config/support.h"
#include "core/error.h"
#include "runner/planner.h"
#include "runner/request_series.h"

namespace aieb {
namespace {

using testing::HasSubstr;

constexpr int64_t kSecond = 1'000'000'000;

class PlannedLoad : public testing::Test {
 protected:
  PlannedLoad() {
    std::string lines;
    for (int i = 0; i < 6; ++i) lines += "{\"text\": \"prompt " + std::to_string(i) + "\"}\n";
    config_.scenario.dataset_name = folder_.write("p.jsonl", lines);
    config_.scenario.num_samples = 4;
    config_.backend.type = "vllm";
    config_.backend.model = "gpt2";
    config_.metrics.warmup_prompts = 0;
  }

  LoadConfig& load() { return config_.scenario.load; }

  std::string error() {
    try {
      make_plan(config_);
    } catch (const ConfigError& e) {
      return e.what();
    }
    return "no error";
  }

  test::TemporaryFolder folder_;
  BenchmarkConfig config_;
};

TEST_F(PlannedLoad, gives_every_request_of_an_open_loop_its_time) {
  load().mode = "constant";
  load().request_rate = 2;
  const Plan plan = make_plan(config_);
  ASSERT_EQ(plan.measure.requests.size(), 4U);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(plan.measure.load.arrivals_ns[i], static_cast<int64_t>(i) * kSecond / 2);
  }
  EXPECT_EQ(plan.description["load"]["requests"], 4);
  EXPECT_EQ(plan.description["load"]["request_rate"], 2.0);
}

TEST_F(PlannedLoad, repeats_prompts_where_the_schedule_holds_more_and_says_so) {
  load().mode = "constant";
  load().request_rate = 10;
  load().duration_s = 1;
  const Plan plan = make_plan(config_);
  EXPECT_EQ(plan.measure.requests.size(), 4U) << "a plan holds every prompt once";
  const server::RequestSequence sequence(plan.measure);
  ASSERT_EQ(sequence.size(), 10U);
  for (size_t i = 0; i < 10; ++i) {
    const Request& request = sequence.request(sequence.head(i));
    EXPECT_EQ(sequence.id(i), static_cast<int64_t>(i));
    EXPECT_EQ(request.prompt_index, static_cast<int>(i % 4));
    EXPECT_EQ(request.prompt_text, "prompt " + std::to_string(i % 4));
    EXPECT_EQ(sequence.arrival_ns(i), static_cast<int64_t>(i) * kSecond / 10);
    if (i < 4) {
      EXPECT_EQ(sequence.salt(i), "");
    } else {
      EXPECT_THAT(sequence.salt(i), testing::EndsWith("-round-" + std::to_string(i / 4)));
    }
  }
  ASSERT_EQ(plan.notices.size(), 1U);
  EXPECT_THAT(plan.notices[0], HasSubstr("4 prompts are repeated for 10 requests"));
  EXPECT_THAT(plan.notices[0], HasSubstr("cache_salt"));
}

TEST_F(PlannedLoad, says_where_a_prefix_cache_cannot_be_kept_from_answering) {
  load().mode = "constant";
  load().request_rate = 10;
  load().duration_s = 1;
  config_.backend.type = "openai";
  const Plan plan = make_plan(config_);
  EXPECT_EQ(server::RequestSequence(plan.measure).salt(9), "");
  EXPECT_THAT(plan.notices.at(0), HasSubstr("A prefix cache may answer the repeats"));
  config_.backend.type = "vllm";
  load().allow_cached_repeats = true;
  const Plan allowed = make_plan(config_);
  EXPECT_EQ(server::RequestSequence(allowed.measure).salt(9), "");
}

TEST_F(PlannedLoad, ends_at_the_number_of_requests_or_at_the_duration) {
  load().mode = "constant";
  load().request_rate = 10;
  load().duration_s = 1;
  load().request_count = 7;
  EXPECT_EQ(planned_requests(make_plan(config_).measure), 7);
  load().request_count = 70;
  EXPECT_EQ(planned_requests(make_plan(config_).measure), 10);
  load().request_count = 2;
  EXPECT_EQ(planned_requests(make_plan(config_).measure), 2);
}

TEST_F(PlannedLoad, keeps_the_first_requests_when_it_gets_longer) {
  load().mode = "gamma";
  load().burstiness = 0.5;
  load().request_rate = 50;
  load().duration_s = 1;
  const Plan plan = make_plan(config_);
  load().duration_s = 2;
  const Plan longer = make_plan(config_);
  const std::vector<int64_t>& arrivals = plan.measure.load.arrivals_ns;
  const std::vector<int64_t>& more = longer.measure.load.arrivals_ns;
  ASSERT_GT(more.size(), arrivals.size());
  EXPECT_TRUE(std::equal(arrivals.begin(), arrivals.end(), more.begin()));
  config_.scenario.seed = 3;
  EXPECT_NE(make_plan(config_).measure.load.arrivals_ns[0], more[0]);
}

TEST_F(PlannedLoad, follows_stages_with_steps_and_ramps) {
  load().mode = "constant";
  load().stages = Json::parse(R"([{"duration_s": 2, "request_rate": 5},
                                  {"duration_s": 4, "request_rate": [5, 15]}])");
  const Plan plan = make_plan(config_);
  EXPECT_EQ(planned_requests(plan.measure), 50);  // 2·5 + 4·10
  EXPECT_EQ(plan.description["load"]["stages"], load().stages);
}

TEST_F(PlannedLoad, leaves_a_closed_loop_with_a_duration_to_the_backend) {
  load().mode = "closed";
  load().concurrency = 3;
  load().duration_s = 1.5;
  load().request_count = 100;
  config_.metrics.warmup_prompts = 2;
  const Plan plan = make_plan(config_);
  EXPECT_EQ(plan.measure.requests.size(), 4U);
  EXPECT_TRUE(plan.measure.load.repeat);
  EXPECT_TRUE(plan.measure.load.salt_repeats);
  EXPECT_EQ(plan.measure.load.duration_ns, 1'500'000'000);
  EXPECT_EQ(plan.measure.load.max_requests, 100);
  EXPECT_EQ(plan.measure.load.first_repeat_id, 6) << "after the ids of the warm-up";
  EXPECT_TRUE(plan.description["load"]["requests"].is_null());
  EXPECT_FALSE(plan.warmup.load.repeat);
}

TEST_F(PlannedLoad, varies_the_limit_of_a_closed_loop_by_stages) {
  load().mode = "closed";
  load().stages = Json::parse(R"([{"duration_s": 1, "concurrency": [1, 8]},
                                  {"duration_s": 2, "concurrency": 8}])");
  const LoadPlan plan = make_plan(config_).measure.load;
  ASSERT_EQ(plan.stages.size(), 2U);
  EXPECT_EQ(plan.stages[0].from, 1);
  EXPECT_EQ(plan.stages[0].to, 8);
  EXPECT_EQ(plan.stages[1].from, 8);
  EXPECT_EQ(plan.duration_ns, 3 * kSecond);
}

TEST_F(PlannedLoad, warms_up_together_so_that_connections_are_open_before) {
  config_.metrics.warmup_prompts = 4;
  load().mode = "constant";
  load().request_rate = 5;
  EXPECT_EQ(make_plan(config_).warmup.load.concurrency, 4);
  load().concurrency = 2;
  EXPECT_EQ(make_plan(config_).warmup.load.concurrency, 2) << "never more than the run may";
  load() = LoadConfig{};
  const Plan plan = make_plan(config_);
  EXPECT_EQ(plan.warmup.load.mode, "sequential");
  EXPECT_EQ(plan.warmup.load.concurrency, 1);
}

TEST_F(PlannedLoad, warms_up_without_a_schedule) {
  load().mode = "poisson";
  load().request_rate = 5;
  config_.metrics.warmup_prompts = 3;
  const Plan plan = make_plan(config_);
  EXPECT_EQ(plan.warmup.load.mode, "closed");
  EXPECT_TRUE(plan.warmup.load.arrivals_ns.empty());
  EXPECT_EQ(plan.warmup.requests[0].cache_salt, "");
  EXPECT_EQ(plan.warmup.requests[2].cache_salt, "warm-up") << "a measured prompt, sent before";
}

TEST_F(PlannedLoad, refuses_what_makes_no_schedule) {
  load().mode = "poisson";
  EXPECT_THAT(error(), HasSubstr("needs scenario.load.request_rate"));
  load().request_rate = 1e6;
  load().duration_s = 1000;
  EXPECT_THAT(error(), HasSubstr("more than 5000000 requests"));
  load().stages = Json::parse(R"([{"duration_s": 1, "request_rate": 5}])");
  EXPECT_THAT(error(), HasSubstr("exclude each other"));
  load().duration_s.reset();
  const std::pair<const char*, const char*> bad[] = {
      {R"([5])", "scenario.load.stages[0]: must be a mapping"},
      {R"([{"duration_s": 1}])", "lacks request_rate"},
      {R"([{"request_rate": 1}])", "lacks duration_s"},
      {R"([{"duration_s": 0, "request_rate": 1}])", "duration_s must be above 0"},
      {R"([{"duration_s": 1, "request_rate": 0}])", "must be above 0"},
      {R"([{"duration_s": 1, "request_rate": [1, 2, 3]}])", "must hold numbers"},
      {R"([{"duration_s": 1, "request_rate": "x"}])", "must hold numbers"},
      {R"([{"duration_s": 1, "concurrency": 4}])", "has the key 'concurrency'"},
  };
  for (const auto& [stages, message] : bad) {
    load().stages = Json::parse(stages);
    EXPECT_THAT(error(), HasSubstr(message)) << stages;
  }
  load().mode = "closed";
  load().stages = Json::parse(R"([{"duration_s": 1, "concurrency": 1.5}])");
  EXPECT_THAT(error(), HasSubstr("whole number"));
  load().mode = "sequential";
  EXPECT_THAT(error(), HasSubstr("no meaning"));
}

TEST_F(PlannedLoad, refuses_synthetic_prompts_without_lengths) {
  config_.scenario.synthetic.prefix_tokens = 5;
  EXPECT_THAT(error(), HasSubstr("input_tokens.mean, or min and max"));
  config_.scenario.synthetic.input_tokens.min = 10;
  EXPECT_THAT(error(), HasSubstr("input_tokens.mean, or min and max"));
}

class PlannedConversations : public PlannedLoad {
 protected:
  PlannedConversations() {
    std::string text = R"({"messages": [{"role": "system", "content": "S"},)"
                       R"({"role": "user", "content": "a"},{"role": "assistant", "content": "x"},)"
                       R"({"role": "user", "content": "b"}]})"
                       "\n"
                       R"({"messages": ["c", "d", "e"]})"
                       "\n"
                       R"({"messages": [{"from": "human", "value": "f"},)"
                       R"({"from": "gpt", "value": "y"}]})"
                       "\n";
    config_.scenario.dataset_name = folder_.write("c.jsonl", text);
    config_.scenario.text_column_name = "messages";
    config_.scenario.num_samples = 3;
    config_.scenario.conversation.think_time_s = 2;
  }
};

TEST_F(PlannedConversations, have_a_request_for_every_turn_of_the_user) {
  const auto requests = make_plan(config_).measure.requests;
  std::string all;
  for (const Request& r : requests) {
    all += r.session + ":" + std::to_string(r.turn) + ":";
    for (const Message& m : r.messages) all += m.role.substr(0, 1) + m.content;
    all += " ";
  }
  EXPECT_EQ(all,
            "conversation-0:0:sSua conversation-0:1:ub conversation-1:0:uc conversation-1:1:ud "
            "conversation-1:2:ue conversation-2:0:uf ");
  EXPECT_EQ(requests[0].think_time_ns, 0);
  EXPECT_EQ(requests[1].think_time_ns, 2 * kSecond);
  for (size_t i = 0; i < requests.size(); ++i) {
    EXPECT_EQ(requests[i].id, static_cast<int64_t>(i));
  }
}

TEST_F(PlannedConversations, are_what_the_load_counts_and_times) {
  load().mode = "constant";
  load().request_rate = 1;
  load().request_count = 4;
  const Plan plan = make_plan(config_);
  EXPECT_EQ(planned_requests(plan.measure), 8);  // 2 + 3 + 1 turns, and the first one's 2 again
  const server::RequestSequence sequence(plan.measure);
  ASSERT_EQ(sequence.size(), 4U);
  EXPECT_EQ(sequence.head(3), 6U);
  EXPECT_EQ(sequence.session(6), "conversation-0-round-1");
  EXPECT_EQ(sequence.arrival_ns(3), 3 * kSecond);
  EXPECT_EQ(sequence.salt(6), sequence.salt(7));
  EXPECT_THAT(plan.notices.at(0), HasSubstr("3 prompts are repeated for 4 requests"));
}

TEST_F(PlannedConversations, are_cut_at_the_largest_number_of_turns) {
  config_.scenario.conversation.max_turns = 1;
  EXPECT_EQ(make_plan(config_).measure.requests.size(), 3U);
}

TEST_F(PlannedConversations, draw_think_times_that_are_never_negative) {
  config_.scenario.conversation.think_time_stdev_s = 5;
  bool differ = false;
  for (config_.scenario.seed = 1; config_.scenario.seed < 50; ++config_.scenario.seed) {
    for (const Request& r : make_plan(config_).measure.requests) {
      EXPECT_GE(r.think_time_ns, 0);
      differ = differ || (r.think_time_ns != 0 && r.think_time_ns != 2 * kSecond);
    }
  }
  EXPECT_TRUE(differ);
}

TEST_F(PlannedConversations, need_a_server) {
  config_.backend.type = "pytorch";
  EXPECT_THAT(error(), HasSubstr("holds conversations, which need a server"));
}

TEST_F(PlannedLoad, needs_a_server_for_an_open_loop) {
  load().mode = "poisson";
  load().request_rate = 5;
  config_.backend.type = "pytorch";
  EXPECT_THAT(error(), HasSubstr("needs a server"));
}

TEST_F(PlannedLoad, names_settings_that_the_mode_does_not_read) {
  load().mode = "closed";
  load().request_rate = 5;
  load().burstiness = 2;
  const Plan plan = make_plan(config_);
  EXPECT_THAT(plan.notices,
              testing::ElementsAre("scenario.load.request_rate has no effect with mode 'closed'",
                                   "scenario.load.burstiness has no effect with mode 'closed'"));
}

}  // namespace
}  // namespace aieb
