#include "analysis/intervals.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "analysis/statistics.h"
#include "core/clock.h"

namespace aieb {
namespace {

Quantity plain(const std::optional<double>& value) {
  Quantity out = Quantity::missing("", "not observed");
  out.value = value;
  return out;
}

/// A number of each repeat whose mean gets an interval.
struct RepeatedMetric {
  const char* key;
  const char* label;
  const char* unit;
  Quantity (*of)(const RepeatResult&);
};
constexpr std::array kRepeated = {
    RepeatedMetric{"total_energy_j", "energy", "J", [](const RepeatResult& r) { return r.energy; }},
    RepeatedMetric{"gpu_energy_j", "gpu energy", "J",
                   [](const RepeatResult& r) { return r.gpu_energy; }},
    RepeatedMetric{"energy_per_request_j", "energy per prompt", "J",
                   [](const RepeatResult& r) { return r.energy_per_request; }},
    RepeatedMetric{"energy_per_output_token_j", "energy per output token", "J",
                   [](const RepeatResult& r) { return r.energy_per_output_token; }},
    RepeatedMetric{"ttft_s", "time to first token, mean", "s",
                   [](const RepeatResult& r) { return plain(r.ttft_s); }},
    RepeatedMetric{"tpot_s", "time per output token, mean", "s",
                   [](const RepeatResult& r) { return plain(r.tpot_s); }},
    RepeatedMetric{"e2e_s", "latency, mean", "s",
                   [](const RepeatResult& r) { return plain(r.e2e_s); }},
    RepeatedMetric{"output_tokens_per_s", "output tokens/s", "tokens/s",
                   [](const RepeatResult& r) { return plain(r.output_tokens_per_s); }},
    RepeatedMetric{"throughput_prompts_per_sec", "prompts/s", "prompts/s",
                   [](const RepeatResult& r) { return plain(r.throughput_prompts_per_s); }},
};

/// Absent where a repeat does not know the metric: a mean of the others would not be the run's.
std::optional<MetricInterval> over_repeats(const RepeatedMetric& metric,
                                           std::span<const RepeatResult> repeats) {
  std::vector<double> values;
  double systematic = 0;
  for (const RepeatResult& repeat : repeats) {
    const Quantity q = metric.of(repeat);
    if (!q.known()) return std::nullopt;
    values.push_back(*q.value);
    systematic += q.systematic;
  }
  const auto n = static_cast<double>(values.size());
  const Distribution d = *summarize(values);
  return MetricInterval{.key = metric.key,
                        .label = metric.label,
                        .unit = metric.unit,
                        .method = "repeats",
                        .count = d.count,
                        .mean = d.mean,
                        .std = d.std,
                        .half_width = student_t_975(n - 1) * d.std / std::sqrt(n),
                        .systematic = systematic / n};
}

double first_autocorrelation(std::span<const double> residuals) {
  double products = 0;
  double squares = 0;
  for (size_t i = 0; i < residuals.size(); ++i) {
    squares += residuals[i] * residuals[i];
    if (i > 0) products += residuals[i] * residuals[i - 1];
  }
  return squares > 0 ? products / squares : 0;
}

/// Σ amount ÷ Σ size, and what each batch differs from it.
struct Ratio {
  double value = 0;
  double mean_size = 0;
  std::vector<double> residuals;
};

Ratio ratio_of(std::span<const Batch> batches) {
  double amount = 0;
  double size = 0;
  for (const Batch& batch : batches) {
    amount += batch.amount;
    size += batch.size;
  }
  Ratio out{amount / size, size / static_cast<double>(batches.size()), {}};
  for (const Batch& batch : batches) {
    out.residuals.push_back(batch.amount - out.value * batch.size);
  }
  return out;
}

std::vector<Batch> merged_in_pairs(const std::vector<Batch>& batches) {
  std::vector<Batch> out;
  for (size_t i = 0; i < batches.size(); i += 2) {
    out.push_back(batches[i]);
    if (i + 1 == batches.size()) break;
    out.back().amount += batches[i + 1].amount;
    out.back().size += batches[i + 1].size;
  }
  return out;
}

/// Requests of the one repeat by their ends, cut into batches of neighbours.
class Batches {
 public:
  Batches(const RepeatResult& repeat, std::span<const RequestResult> requests)
      : duration_s_(repeat.duration_s), start_s_(repeat.start_s) {
    for (const RequestResult& request : requests) {
      if (end_of(request)) requests_.push_back(&request);
    }
    std::ranges::sort(requests_, {}, [](const RequestResult* r) { return *end_of(*r); });
    cut();
  }

  [[nodiscard]] bool usable() const { return bounds_.size() > kLeastBatches; }

  /// `amount(request)` of the answered requests per second.
  template <typename Amount>
  std::optional<MetricInterval> rate(Amount amount) const {
    std::vector<Batch> batches;
    double from_s = start_s_;
    for (size_t b = 0; b + 1 < bounds_.size(); ++b) {
      const bool last = b + 2 == bounds_.size();
      const double to_s = last ? start_s_ + duration_s_ : *end_of(*requests_[bounds_[b + 1] - 1]);
      Batch batch{0, to_s - from_s};
      from_s = to_s;
      for (size_t i = bounds_[b]; i < bounds_[b + 1]; ++i) {
        if (requests_[i]->record.status != RequestStatus::kOk) continue;
        const std::optional<double> part = amount(*requests_[i]);
        if (!part) return std::nullopt;
        batch.amount += *part;
      }
      batches.push_back(batch);
    }
    return batch_mean(std::move(batches));
  }

  /// Mean of a latency of the answered requests.
  [[nodiscard]] std::optional<MetricInterval> mean(
      std::optional<double> RequestResult::* latency) const {
    std::vector<Batch> batches;
    for (size_t b = 0; b + 1 < bounds_.size(); ++b) {
      Batch batch;
      for (size_t i = bounds_[b]; i < bounds_[b + 1]; ++i) {
        const auto& value = requests_[i]->*latency;
        if (requests_[i]->record.status != RequestStatus::kOk || !value) continue;
        batch.amount += *value;
        batch.size += 1;
      }
      if (batch.size > 0) batches.push_back(batch);
    }
    return batch_mean(std::move(batches));
  }

 private:
  static std::optional<double> end_of(const RequestResult& r) {
    if (!r.start_s || !r.latency_s) return std::nullopt;
    return *r.start_s + *r.latency_s;
  }

  /// A batch holds at least twice the requests that are in flight together (Little: Σ latency over
  /// the time), since these meet the same conditions; one, where the next is sent when the last one
  /// has ended.
  void cut() {
    if (requests_.empty() || duration_s_ <= 0) return;
    double busy_s = 0;
    for (const RequestResult* r : requests_) busy_s += *r->latency_s;
    const double in_flight = busy_s / duration_s_;
    constexpr double kOneByOne = 1.05;
    const auto least =
        in_flight <= kOneByOne ? size_t{1} : static_cast<size_t>(std::ceil(2 * in_flight));
    const size_t count = std::min(kMostBatches, requests_.size() / least);
    for (size_t b = 0; b <= count && count > 0; ++b) {
      bounds_.push_back(b * requests_.size() / count);
    }
  }

  double duration_s_;
  double start_s_;
  std::vector<const RequestResult*> requests_;
  std::vector<size_t> bounds_;  ///< of batches, as positions in requests_
};

void add_batches(const RepeatResult& repeat, std::span<const RequestResult> requests,
                 std::vector<MetricInterval>& out) {
  const Batches batches(repeat, requests);
  if (!batches.usable()) return;
  const auto add = [&out](const char* key, std::optional<MetricInterval> interval) {
    if (!interval) return;
    const auto* row = std::ranges::find_if(
        kRepeated, [key](const RepeatedMetric& m) { return std::string_view(m.key) == key; });
    interval->key = row->key;
    interval->label = row->label;
    interval->unit = row->unit;
    out.push_back(std::move(*interval));
  };
  add("ttft_s", batches.mean(&RequestResult::ttft_s));
  add("tpot_s", batches.mean(&RequestResult::tpot_s));
  add("e2e_s", batches.mean(&RequestResult::latency_s));
  add("output_tokens_per_s", batches.rate([](const RequestResult& r) -> std::optional<double> {
    if (!r.record.output_tokens) return std::nullopt;
    return static_cast<double>(*r.record.output_tokens);
  }));
  add("throughput_prompts_per_sec",
      batches.rate([](const RequestResult&) -> std::optional<double> { return 1; }));
}

}  // namespace

std::optional<MetricInterval> batch_mean(std::vector<Batch> batches) {
  while (batches.size() >= kLeastBatches) {
    const Ratio ratio = ratio_of(batches);
    const auto n = static_cast<double>(batches.size());
    if (first_autocorrelation(ratio.residuals) > 1.64 / std::sqrt(n)) {
      batches = merged_in_pairs(batches);
      continue;
    }
    const double squares = std::inner_product(ratio.residuals.begin(), ratio.residuals.end(),
                                              ratio.residuals.begin(), 0.0);
    MetricInterval out;
    out.method = "batch_means";
    out.count = static_cast<int64_t>(batches.size());
    out.mean = ratio.value;
    out.std = std::sqrt(squares / (n - 1)) / ratio.mean_size;
    out.half_width = student_t_975(n - 1) * out.std / std::sqrt(n);
    return out;
  }
  return std::nullopt;
}

std::vector<MetricInterval> intervals_of(std::span<const RepeatResult> repeats,
                                         std::span<const RequestResult> requests) {
  std::vector<MetricInterval> out;
  if (repeats.size() == 1) add_batches(repeats.front(), requests, out);
  if (repeats.size() < 2) return out;
  for (const RepeatedMetric& metric : kRepeated) {
    if (auto interval = over_repeats(metric, repeats)) out.push_back(std::move(*interval));
  }
  return out;
}

const MetricInterval* find_interval(const std::vector<MetricInterval>& intervals,
                                    std::string_view key) {
  const auto found = std::ranges::find(intervals, key, &MetricInterval::key);
  return found == intervals.end() ? nullptr : &*found;
}

}  // namespace aieb
