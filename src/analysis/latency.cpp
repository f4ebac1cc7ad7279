#include "analysis/latency.h"

#include <algorithm>
#include <utility>

#include "analysis/histogram.h"
#include "analysis/statistics.h"
#include "core/clock.h"

namespace aieb {
namespace {

std::optional<double> between(std::optional<int64_t> from, std::optional<int64_t> to) {
  if (!from || !to) return std::nullopt;
  return seconds(*to - *from);
}

/// Values of one latency over the successful requests.
std::vector<double> values_of(const std::vector<RequestResult>& requests,
                              std::optional<double> RequestResult::* latency) {
  std::vector<double> values;
  for (const RequestResult& request : requests) {
    if (request.record.status != RequestStatus::kOk) continue;
    if (const auto value = request.*latency) values.push_back(*value);
  }
  return values;
}

/// Σ of a count over the successful requests; absent if one of them does not know it.
std::optional<int64_t> sum_of(const std::vector<RequestResult>& requests,
                              std::optional<int64_t> RequestRecord::* count) {
  int64_t sum = 0;
  bool any = false;
  for (const RequestResult& request : requests) {
    if (request.record.status != RequestStatus::kOk) continue;
    const auto value = request.record.*count;
    if (!value) return std::nullopt;
    sum += *value;
    any = true;
  }
  return any ? std::optional(sum) : std::nullopt;
}

void count_statuses(Results& results) {
  for (const RequestResult& request : results.requests) {
    switch (request.record.status) {
      case RequestStatus::kOk:
        ++results.successful_prompts;
        break;
      case RequestStatus::kFailed:
        ++results.failed_prompts;
        break;
      case RequestStatus::kCancelled:
      case RequestStatus::kLost:
        ++results.cancelled_prompts;
        break;
      case RequestStatus::kNotBegun:
        ++results.not_begun_prompts;
        break;
    }
  }
  results.total_prompts = static_cast<int64_t>(results.requests.size());
}

}  // namespace

RequestResult latencies_of(RequestRecord record) {
  RequestResult result;
  const auto last = record.last_token_ns ? record.last_token_ns : record.done_ns;
  result.ttft_s = between(record.sent_ns, record.first_token_ns);
  result.latency_s = between(record.sent_ns, last);
  if (record.extra.contains(kFirstAnswerNs)) {
    result.ttfa_s = between(record.sent_ns, record.extra[kFirstAnswerNs].get<int64_t>());
  }
  result.send_lag_s = between(record.planned_ns, record.sent_ns);
  result.ttft_from_planned_s = between(record.planned_ns, record.first_token_ns);
  result.latency_from_planned_s = between(record.planned_ns, last);
  if (record.output_tokens.value_or(0) > 1) {
    if (const auto decode = between(record.first_token_ns, record.last_token_ns)) {
      result.tpot_s = *decode / static_cast<double>(*record.output_tokens - 1);
    }
  }
  result.record = std::move(record);
  return result;
}

std::optional<double> largest_token_gap(std::span<const TokenArrival> arrivals) {
  std::vector<double> gaps;
  append_token_gaps(arrivals, gaps);
  if (gaps.empty()) return std::nullopt;
  return *std::max_element(gaps.begin(), gaps.end());
}

void append_token_gaps(std::span<const TokenArrival> arrivals, std::vector<double>& gaps) {
  for (size_t i = 1; i < arrivals.size(); ++i) {
    const int count = std::max(arrivals[i].count, 1);
    const double gap = seconds(arrivals[i].t_ns - arrivals[i - 1].t_ns) / count;
    gaps.insert(gaps.end(), static_cast<size_t>(count), gap);
  }
}

void append_chunk_gaps(std::span<const TokenArrival> arrivals, std::vector<double>& gaps) {
  for (size_t i = 1; i < arrivals.size(); ++i) {
    gaps.push_back(seconds(arrivals[i].t_ns - arrivals[i - 1].t_ns));
  }
}

namespace {

std::optional<double> mean_tokens_of_arrivals(const std::vector<RequestResult>& requests) {
  int64_t tokens = 0;
  size_t arrivals = 0;
  for (const RequestResult& request : requests) {
    if (request.record.status != RequestStatus::kOk) continue;
    for (const TokenArrival& arrival : request.record.token_times) tokens += arrival.count;
    arrivals += request.record.token_times.size();
  }
  if (arrivals == 0) return std::nullopt;
  return static_cast<double>(tokens) / static_cast<double>(arrivals);
}

/// ITL and ICL: of all answered requests together.
struct Gaps {
  std::vector<double> tokens;
  std::vector<double> chunks;
};

Gaps gaps_of(const std::vector<RequestResult>& requests) {
  Gaps gaps;
  for (const RequestResult& request : requests) {
    if (request.record.status != RequestStatus::kOk) continue;
    append_token_gaps(request.record.token_times, gaps.tokens);
    append_chunk_gaps(request.record.token_times, gaps.chunks);
  }
  return gaps;
}

}  // namespace

void summarize_requests(Results& results) {
  count_statuses(results);
  results.prompt_tokens = sum_of(results.requests, &RequestRecord::prompt_tokens);
  results.output_tokens = sum_of(results.requests, &RequestRecord::output_tokens);
  Gaps gaps = gaps_of(results.requests);
  const auto describe = [&results](const char* key, std::vector<double> values) {
    if (auto histogram = histogram_of(values)) results.histograms[key] = std::move(*histogram);
    return summarize(std::move(values));
  };
  results.itl_s = describe("itl_s", std::move(gaps.tokens));
  results.icl_s = summarize(std::move(gaps.chunks));
  results.tokens_per_chunk = mean_tokens_of_arrivals(results.requests);
  results.ttfa_s = summarize(values_of(results.requests, &RequestResult::ttfa_s));
  results.ttft_s = describe("ttft_s", values_of(results.requests, &RequestResult::ttft_s));
  results.tpot_s = describe("tpot_s", values_of(results.requests, &RequestResult::tpot_s));
  results.e2e_s = describe("e2e_s", values_of(results.requests, &RequestResult::latency_s));
  results.send_lag_s = summarize(values_of(results.requests, &RequestResult::send_lag_s));
  results.ttft_from_planned_s =
      summarize(values_of(results.requests, &RequestResult::ttft_from_planned_s));
  results.e2e_from_planned_s =
      summarize(values_of(results.requests, &RequestResult::latency_from_planned_s));
  if (results.e2e_s) results.avg_latency_s = results.e2e_s->mean;
  if (results.tpot_s && results.tpot_s->mean > 0) {
    results.decode_tokens_per_s = 1 / results.tpot_s->mean;
  }
  if (results.measured_s <= 0) return;
  results.throughput_prompts_per_s =
      static_cast<double>(results.successful_prompts) / results.measured_s;
  if (results.output_tokens) {
    results.output_tokens_per_s = static_cast<double>(*results.output_tokens) / results.measured_s;
  }
}

}  // namespace aieb
