#include "runner/planner.h"

#include <set>

#include <gtest/gtest.h>

#include "config/support.h"

namespace aieb {
namespace {

using Notices = std::vector<std::string>;

class Planning : public testing::Test {
 protected:
  Planning() {
    std::string lines;
    for (int i = 0; i < 6; ++i) lines += "{\"text\": \"prompt " + std::to_string(i) + "\"}\n";
    config_.scenario.dataset_name = folder_.write("p.jsonl", lines);
    config_.scenario.num_samples = 4;
    config_.backend.type = "pytorch";
    config_.backend.model = "gpt2";
  }

  static std::vector<std::string> texts(const Workload& workload) {
    std::vector<std::string> texts;
    for (const Request& request : workload.requests) texts.push_back(request.prompt_text);
    return texts;
  }

  test::TemporaryFolder folder_;
  BenchmarkConfig config_;
};

TEST_F(Planning, measures_the_first_prompts_and_warms_up_with_others) {
  config_.metrics.warmup_prompts = 2;
  const Plan plan = make_plan(config_);
  EXPECT_EQ(texts(plan.measure),
            (std::vector<std::string>{"prompt 0", "prompt 1", "prompt 2", "prompt 3"}));
  EXPECT_EQ(texts(plan.warmup), (std::vector<std::string>{"prompt 4", "prompt 5"}));
  EXPECT_TRUE(plan.notices.empty());
  std::set<int64_t> ids;
  for (const Workload* workload : {&plan.measure, &plan.warmup}) {
    for (const Request& request : workload->requests) ids.insert(request.id);
  }
  EXPECT_EQ(ids, (std::set<int64_t>{0, 1, 2, 3, 4, 5})) << "ids are unique in the whole plan";
  EXPECT_EQ(plan.measure.requests[2].prompt_index, 2);
}

TEST_F(Planning, repeats_measured_prompts_only_where_it_must) {
  config_.scenario.num_samples = 5;
  config_.metrics.warmup_prompts = 3;
  const Plan plan = make_plan(config_);
  EXPECT_EQ(texts(plan.warmup), (std::vector<std::string>{"prompt 5", "prompt 4", "prompt 3"}));
  EXPECT_EQ(plan.notices, Notices{"warm-up repeats 2 measured prompts: the dataset has no others"});
}

TEST_F(Planning, uses_what_there_is_with_a_notice) {
  config_.scenario.num_samples = 100;
  config_.metrics.warmup_prompts = 0;
  const Plan plan = make_plan(config_);
  EXPECT_EQ(plan.measure.requests.size(), 6U);
  EXPECT_EQ(plan.notices, Notices{"dataset '" + config_.scenario.dataset_name +
                                  "' has 6 prompts, fewer than num_samples (100): all are used"});
}

TEST_F(Planning, warms_up_more_often_than_there_are_prompts) {
  config_.scenario.num_samples = 6;
  config_.metrics.warmup_prompts = 20;
  EXPECT_EQ(make_plan(config_).warmup.requests.size(), 20U);
}

TEST_F(Planning, is_the_same_for_the_same_seed) {
  config_.scenario.seed = 5;
  const Plan plan = make_plan(config_);
  EXPECT_EQ(texts(plan.measure), texts(make_plan(config_).measure));
  config_.scenario.seed = 6;
  EXPECT_NE(texts(plan.measure), texts(make_plan(config_).measure));
}

TEST_F(Planning, gives_every_request_the_generation_parameters) {
  config_.scenario.generate_kwargs = {{"max_new_tokens", 7}, {"temperature", 0.5}, {"x", 1}};
  config_.scenario.seed = 9;
  config_.backend.use_cache = false;
  const Plan plan = make_plan(config_);
  for (const Request& request : plan.measure.requests) {
    EXPECT_EQ(request.params.max_new_tokens, 7);
    EXPECT_TRUE(request.params.samples());
    EXPECT_EQ(request.params.seed, 9U);
    EXPECT_FALSE(request.params.use_cache);
    EXPECT_EQ(request.params.extra, Json({{"x", 1}}));
  }
}

TEST_F(Planning, seeds_sampling_only_when_the_user_named_a_seed) {
  config_.scenario.generate_kwargs = {{"temperature", 0.5}};
  EXPECT_EQ(make_plan(config_).measure.requests[0].params.seed, std::nullopt);
  config_.scenario.generate_kwargs = {{"max_new_tokens", 3}};
  config_.scenario.seed = 9;
  EXPECT_EQ(make_plan(config_).measure.requests[0].params.seed, std::nullopt) << "greedy";
}

TEST_F(Planning, notes_sampling_parameters_that_greedy_ignores) {
  config_.scenario.generate_kwargs = {{"do_sample", false}, {"temperature", 0.7}};
  EXPECT_EQ(make_plan(config_).notices,
            Notices{"do_sample is false: temperature, top_p and top_k have no effect (greedy)"});
}

TEST_F(Planning, applies_the_reasoning_format) {
  config_.backend.type = "vllm";
  config_.backend.model = "openai/gpt-oss-20b";
  config_.scenario.reasoning_params = {{"reasoning_effort", "high"}};
  const Plan server = make_plan(config_);
  EXPECT_EQ(server.measure.requests[0].params.extra, Json({{"reasoning_effort", "high"}}));
  EXPECT_EQ(server.description["reasoning"]["family"], "gpt-oss");
  config_.backend.type = "pytorch";
  const Plan local = make_plan(config_);
  EXPECT_EQ(local.measure.requests[0].template_kwargs, Json({{"reasoning_effort", "high"}}));
  config_.backend.model = "deepseek-ai/DeepSeek-R1";
  config_.scenario.reasoning_params = {{"enable_thinking", true}};
  EXPECT_EQ(make_plan(config_).warmup.requests[0].response_prefix, "<think>\n");
}

TEST_F(Planning, hands_on_batch_size_and_load) {
  config_.scenario.batch_size = 3;
  config_.scenario.load.concurrency = 8;
  EXPECT_EQ(make_plan(config_).measure.load.concurrency, 1) << "sequential";
  config_.scenario.load.mode = "closed";
  const Plan plan = make_plan(config_);
  EXPECT_EQ(plan.measure.batch_size, 3);
  EXPECT_EQ(plan.measure.load.mode, "closed");
  EXPECT_EQ(plan.measure.load.concurrency, 8);
}

TEST_F(Planning, describes_itself_for_the_trace) {
  config_.name = "demo";
  config_.scenario.generate_kwargs = {{"max_new_tokens", 7}};
  config_.backend.model = "HuggingFaceTB/SmolLM3-3B";
  config_.scenario.reasoning = true;
  const Json description = make_plan(config_).description;
  EXPECT_EQ(description["name"], "demo");
  EXPECT_EQ(description["dataset"]["size"], 6);
  EXPECT_EQ(description["dataset"]["num_samples"], 4);
  EXPECT_EQ(description["reasoning"]["family"], "smollm3");
  EXPECT_EQ(description["reasoning"]["system_prompt"], "/think");
  EXPECT_TRUE(description["reasoning"]["response_prefix"].is_null());
  EXPECT_EQ(description["generation"]["max_new_tokens"], 7);
  EXPECT_TRUE(description["generation"]["temperature"].is_null()) << "not set is not a value";
  EXPECT_EQ(description["generation"]["sampling"], false);
}

}  // namespace
}  // namespace aieb
