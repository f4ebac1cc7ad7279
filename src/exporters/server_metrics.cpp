#include "exporters/server_metrics.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string_view>

namespace aieb::exporters {
namespace {

/// One row a name that an engine gives or gave; `_total` at its end is left out. vLLM renamed
/// gpu_cache_usage_perc, gpu_prefix_cache_* and time_per_output_token_seconds with its V1 engine.
struct NameRow {
  std::string_view metric;
  std::string_view key;
};
constexpr std::array kNames = {
    NameRow{"vllm:num_requests_running", "running"},
    NameRow{"vllm:num_requests_waiting", "waiting"},
    NameRow{"vllm:kv_cache_usage_perc", "kv_usage"},
    NameRow{"vllm:gpu_cache_usage_perc", "kv_usage"},
    NameRow{"vllm:prompt_tokens", "prompt_tokens"},
    NameRow{"vllm:generation_tokens", "output_tokens"},
    NameRow{"vllm:request_success", "finished_requests"},
    NameRow{"vllm:num_preemptions", "preemptions"},
    NameRow{"vllm:prefix_cache_queries", "prefix_queries"},
    NameRow{"vllm:prefix_cache_hits", "prefix_hits"},
    NameRow{"vllm:gpu_prefix_cache_queries", "prefix_queries"},
    NameRow{"vllm:gpu_prefix_cache_hits", "prefix_hits"},
    NameRow{"vllm:spec_decode_num_draft_tokens", "drafted_tokens"},
    NameRow{"vllm:spec_decode_num_accepted_tokens", "accepted_tokens"},
    NameRow{"vllm:time_to_first_token_seconds", "ttft_s"},
    NameRow{"vllm:inter_token_latency_seconds", "itl_s"},
    NameRow{"vllm:time_per_output_token_seconds", "itl_s"},
    NameRow{"vllm:e2e_request_latency_seconds", "e2e_s"},
    NameRow{"vllm:request_queue_time_seconds", "queue_s"},

    NameRow{"sglang:num_running_reqs", "running"},
    NameRow{"sglang:num_queue_reqs", "waiting"},
    NameRow{"sglang:token_usage", "kv_usage"},
    NameRow{"sglang:prompt_tokens", "prompt_tokens"},
    NameRow{"sglang:generation_tokens", "output_tokens"},
    NameRow{"sglang:num_requests", "finished_requests"},
    NameRow{"sglang:cached_tokens", "prefix_hits"},
    NameRow{"sglang:spec_accept_rate", "draft_acceptance"},
    NameRow{"sglang:time_to_first_token_seconds", "ttft_s"},
    NameRow{"sglang:inter_token_latency_seconds", "itl_s"},
    NameRow{"sglang:time_per_output_token_seconds", "itl_s"},
    NameRow{"sglang:e2e_request_latency_seconds", "e2e_s"},
    NameRow{"sglang:queue_time_seconds", "queue_s"},

    NameRow{"llamacpp:requests_processing", "running"},
    NameRow{"llamacpp:requests_deferred", "waiting"},
    NameRow{"llamacpp:kv_cache_usage_ratio", "kv_usage"},
    NameRow{"llamacpp:prompt_tokens", "prompt_tokens"},
    NameRow{"llamacpp:tokens_predicted", "output_tokens"},
    NameRow{"llamacpp:tokens_drafted", "drafted_tokens"},
    NameRow{"llamacpp:tokens_drafted_accepted", "accepted_tokens"},
};

struct EngineRow {
  std::string_view prefix;
  std::string_view engine;
};
constexpr std::array kEngines = {EngineRow{"vllm:", "vllm"}, EngineRow{"sglang:", "sglang"},
                                 EngineRow{"llamacpp:", "llama.cpp"}};

std::string_view without_suffix(std::string_view name, std::string_view suffix) {
  return name.ends_with(suffix) ? name.substr(0, name.size() - suffix.size()) : name;
}

const NameRow* find_name(std::string_view name) {
  const auto it = std::find_if(kNames.begin(), kNames.end(),
                               [name](const NameRow& row) { return row.metric == name; });
  return it == kNames.end() ? nullptr : &*it;
}

/// Ranks of one engine show the same requests each.
bool is_first_rank(const ExpositionSample& sample) {
  for (const std::string_view rank : {"tp_rank", "pp_rank"}) {
    const std::string* value = sample.label(rank);
    if (value != nullptr && *value != "0") return false;
  }
  return true;
}

class PageReader {
 public:
  void add(const ExpositionSample& sample) {
    if (std::isnan(sample.value) || !is_first_rank(sample)) return;
    if (add_part(sample, "_bucket") || add_part(sample, "_sum") || add_part(sample, "_count")) {
      return;
    }
    const NameRow* row = find_name(without_suffix(sample.name, "_total"));
    if (row == nullptr || !is_chosen(*row)) return;
    double& value = out_.values[std::string(row->key)];
    value = row->key == "kv_usage" ? std::max(value, sample.value) : value + sample.value;
  }

  ServerMetrics take() { return std::move(out_); }

 private:
  bool add_part(const ExpositionSample& sample, std::string_view suffix) {
    if (!std::string_view(sample.name).ends_with(suffix)) return false;
    const NameRow* row = find_name(without_suffix(sample.name, suffix));
    if (row == nullptr) return false;
    if (!is_chosen(*row)) return true;
    ServerMetrics::Histogram& histogram = out_.histograms[std::string(row->key)];
    if (suffix == "_sum") {
      histogram.sum += sample.value;
    } else if (suffix == "_count") {
      histogram.count += sample.value;
    } else if (const std::string* le = sample.label("le")) {
      const bool last = le->find("nf") != std::string::npos;
      const double bound =
          last ? std::numeric_limits<double>::infinity() : std::strtod(le->c_str(), nullptr);
      histogram.buckets[bound] += sample.value;
    }
    return true;
  }

  /// A page that has an old name beside the new one is read by the one that it shows first.
  bool is_chosen(const NameRow& row) {
    const auto [it, is_new] = chosen_.try_emplace(row.key, row.metric);
    for (const EngineRow& engine : kEngines) {
      if (row.metric.starts_with(engine.prefix)) out_.engine = engine.engine;
    }
    return is_new || it->second == row.metric;
  }

  ServerMetrics out_;
  std::map<std::string_view, std::string_view> chosen_;  ///< key → metric
};

}  // namespace

std::optional<ServerMetrics> server_metrics(const Exposition& page) {
  PageReader reader;
  for (const ExpositionSample& sample : page.samples) reader.add(sample);
  ServerMetrics metrics = reader.take();
  if (metrics.engine.empty()) return std::nullopt;
  // SGLang counts the tokens that it found in its cache, of all that it was given.
  const auto prompts = metrics.values.find("prompt_tokens");
  if (metrics.engine == "sglang" && metrics.values.contains("prefix_hits") &&
      prompts != metrics.values.end()) {
    metrics.values["prefix_queries"] = prompts->second;
  }
  return metrics;
}

Json to_json(const ServerMetrics& metrics, bool whole) {
  Json out = {{"engine", metrics.engine}};
  for (const auto& [key, value] : metrics.values) out[key] = value;
  if (!whole) return out;
  Json histograms = Json::object();
  for (const auto& [key, histogram] : metrics.histograms) {
    Json bounds = Json::array();
    Json counts = Json::array();
    for (const auto& [bound, count] : histogram.buckets) {
      bounds.push_back(std::isfinite(bound) ? Json(bound) : Json(nullptr));
      counts.push_back(count);
    }
    histograms[key] = {{"sum", histogram.sum},
                       {"count", histogram.count},
                       {"le", std::move(bounds)},
                       {"counts", std::move(counts)}};
  }
  out["histograms"] = std::move(histograms);
  return out;
}

}  // namespace aieb::exporters
