#include "exporters/server_metrics.h"

#include <gtest/gtest.h>

#include "exporters/exposition.h"

namespace aieb::exporters {
namespace {

std::optional<ServerMetrics> page(const std::string& text) {
  return server_metrics(parse_exposition(text, ExpositionFormat::kText));
}

TEST(ServerMetrics, old_and_new_names_of_vllm_mean_the_same) {
  const auto now = page(
      "vllm:num_requests_running{engine=\"0\"} 3\n"
      "vllm:num_requests_running{engine=\"1\"} 4\n"
      "vllm:kv_cache_usage_perc{engine=\"0\"} 0.25\n"
      "vllm:kv_cache_usage_perc{engine=\"1\"} 0.75\n"
      "vllm:generation_tokens_total 120\n"
      "vllm:prefix_cache_hits_total 30\n");
  const auto before = page(
      "vllm:num_requests_running 7\n"
      "vllm:gpu_cache_usage_perc 0.75\n"
      "vllm:generation_tokens 120\n"
      "vllm:gpu_prefix_cache_hits 30\n");
  ASSERT_TRUE(now && before);
  EXPECT_EQ(now->engine, "vllm");
  EXPECT_EQ(now->values, before->values) << "engines are added up, of caches the fullest counts";
}

TEST(ServerMetrics, a_page_with_old_and_new_names_is_not_counted_twice) {
  const auto both = page(
      "vllm:kv_cache_usage_perc 0.5\nvllm:gpu_cache_usage_perc 0.6\n"
      "vllm:inter_token_latency_seconds_sum 4\nvllm:time_per_output_token_seconds_sum 4\n");
  EXPECT_DOUBLE_EQ(both->values.at("kv_usage"), 0.5);
  EXPECT_DOUBLE_EQ(both->histograms.at("itl_s").sum, 4);
}

TEST(ServerMetrics, knows_sglang_and_llama_cpp) {
  const auto sglang = page(
      "sglang:num_running_reqs{tp_rank=\"0\"} 2\nsglang:num_running_reqs{tp_rank=\"1\"} 2\n"
      "sglang:num_queue_reqs{tp_rank=\"0\"} 5\n"
      "sglang:prompt_tokens_total 100\nsglang:cached_tokens_total 40\n");
  EXPECT_EQ(sglang->engine, "sglang");
  EXPECT_DOUBLE_EQ(sglang->values.at("running"), 2) << "ranks show the same requests";
  EXPECT_DOUBLE_EQ(sglang->values.at("prefix_queries"), 100);
  const auto llama = page("llamacpp:requests_processing 1\nllamacpp:tokens_predicted_total 9\n");
  EXPECT_EQ(llama->engine, "llama.cpp");
  EXPECT_DOUBLE_EQ(llama->values.at("output_tokens"), 9);
  EXPECT_FALSE(page("node_load1 0.5\n")) << "another program's page says nothing of a server";
}

TEST(ServerMetrics, keeps_histograms_with_their_buckets) {
  const auto metrics = page(
      "vllm:time_to_first_token_seconds_bucket{le=\"0.1\"} 1\n"
      "vllm:time_to_first_token_seconds_bucket{le=\"+Inf\"} 3\n"
      "vllm:time_to_first_token_seconds_sum 0.5\nvllm:time_to_first_token_seconds_count 3\n");
  const Json json = to_json(*metrics, true)["histograms"]["ttft_s"];
  EXPECT_EQ(json["le"], Json::parse("[0.1, null]"));
  EXPECT_EQ(json["counts"], Json::parse("[1.0, 3.0]"));
  EXPECT_FALSE(to_json(*metrics, false).contains("histograms"));
}

}  // namespace
}  // namespace aieb::exporters
