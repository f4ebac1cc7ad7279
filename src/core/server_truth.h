#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/json.h"

namespace aieb {

/// What a server's own metrics page said while measuring (event "server_metrics", docs/servers.md).
/// Counts are what its counters rose by from right before the first request to right after the
/// last.
struct ServerTruth {
  /// Latencies as the server sees them; quantiles are interpolated in the buckets of its histogram.
  struct Latency {
    int64_t count = 0;
    double mean_s = 0;
    std::optional<double> p50_s;
    std::optional<double> p90_s;
    std::optional<double> p99_s;
  };

  std::string engine;  ///< vllm, sglang, llama.cpp
  std::string url;
  int64_t readings = 0;  ///< pages read while measuring
  std::optional<double> mean_running;
  std::optional<double> max_running;
  std::optional<double> mean_waiting;
  std::optional<double> max_waiting;
  std::optional<double> mean_kv_usage;  ///< share of the KV cache in use
  std::optional<double> max_kv_usage;
  std::optional<int64_t> prompt_tokens;
  std::optional<int64_t> output_tokens;
  std::optional<int64_t> finished_requests;
  std::optional<int64_t> preemptions;
  std::optional<double> prefix_hit_rate;     ///< share of prompt tokens found in the prefix cache
  std::optional<double> draft_acceptance;    ///< share of drafted tokens that were accepted
  std::map<std::string, Latency> latencies;  ///< ttft_s, itl_s, e2e_s, queue_s
  std::vector<double> t_s;                   ///< of the readings, since the first phase began
  std::vector<double> running;
  std::vector<double> waiting;
};

/// Where analysis leaves it among what was collected beside the energy (Results::collected).
constexpr const char* kServerCollected = "server";

Json to_json(const ServerTruth& truth);
/// Absent for anything but what `to_json` made.
std::optional<ServerTruth> server_truth_from(const Json& json);

}  // namespace aieb
