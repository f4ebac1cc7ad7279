#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/json.h"
#include "exporters/exposition.h"

namespace aieb::exporters {

/// What a server's own metrics page says at one moment, by names that do not depend on the engine.
/// - gauges: running, waiting (requests), kv_usage (share), draft_acceptance (share, where there
///   are no counters)
/// - counters: prompt_tokens, output_tokens, finished_requests, preemptions, prefix_queries,
///   prefix_hits, drafted_tokens, accepted_tokens
/// - histograms: ttft_s, itl_s, e2e_s, queue_s
struct ServerMetrics {
  struct Histogram {
    double sum = 0;
    double count = 0;
    std::map<double, double> buckets;  ///< upper bound → observations up to it
  };
  std::string engine;  ///< vllm, sglang, llama.cpp
  std::map<std::string, double> values;
  std::map<std::string, Histogram> histograms;
};

/// Lines of several engines or models on one page are added up (kv_usage: the fullest). Absent when
/// the page has no metric of a server that is known. Old and new names, with and without `_total`,
/// are in one table in the source.
std::optional<ServerMetrics> server_metrics(const Exposition& page);

/// {engine, running, …} and, `whole`, the histograms as {name: {sum, count, le: [], counts: []}}.
Json to_json(const ServerMetrics& metrics, bool whole);

}  // namespace aieb::exporters
