#include "engine/generate/logits.h"

#include <algorithm>
#include <limits>
#include <vector>

#include <ATen/ATen.h>

#include "engine/kernels/cpu/vector.h"

namespace aieb::engine {
namespace {

constexpr double kBanned = -std::numeric_limits<double>::infinity();

void penalise_repetition(double penalty, std::span<const int64_t> sequence, at::Tensor& scores) {
  const at::Tensor ids =
      at::tensor(std::vector<int64_t>(sequence.begin(), sequence.end()), at::kLong)
          .to(scores.device());
  const at::Tensor seen = scores.index_select(0, ids);
  scores.scatter_(0, ids, at::where(seen < 0, seen * penalty, seen / penalty));
}

void keep_top_p(double top_p, at::Tensor& scores) {
  const auto [sorted, order] = scores.sort(/*dim=*/-1, /*descending=*/false);
  at::Tensor drop = sorted.softmax(-1).cumsum(-1) <= 1 - top_p;
  drop.narrow(0, drop.size(0) - 1, 1).fill_(false);
  scores.masked_fill_(drop.scatter(0, order, drop), kBanned);
}

void keep_min_p(double min_p, at::Tensor& scores) {
  const at::Tensor probabilities = scores.softmax(-1);
  scores.masked_fill_(probabilities < probabilities.max() * min_p, kBanned);
}

}  // namespace

void process_logits(const GenerationSettings& settings, std::span<const int64_t> sequence,
                    int64_t generated, at::Tensor& scores) {
  if (settings.repetition_penalty != 1) {
    penalise_repetition(settings.repetition_penalty, sequence, scores);
  }
  if (generated >= settings.min_new_tokens) return;
  for (const int64_t eos : settings.eos) {
    if (eos < scores.size(0)) scores[eos].fill_(kBanned);
  }
}

std::vector<int64_t> best_tokens(const at::Tensor& logits) {
  std::vector<int64_t> tokens(static_cast<size_t>(logits.size(0)));
  if (!logits.is_cpu()) {
    const at::Tensor best = logits.argmax(-1).cpu();
    std::copy_n(best.const_data_ptr<int64_t>(), tokens.size(), tokens.begin());
    return tokens;
  }
  const at::Tensor rows = logits.contiguous();
  const int64_t width = rows.size(1);
  for (size_t i = 0; i < tokens.size(); ++i)
    tokens[i] = cpu::argmax(rows.const_data_ptr<float>() + static_cast<int64_t>(i) * width, width);
  return tokens;
}

at::Tensor sampling_distribution(const GenerationSettings& settings, const at::Tensor& scores) {
  at::Tensor kept = scores / settings.temperature;
  if (settings.top_k > 0) {
    const int64_t k = std::min(settings.top_k, kept.size(0));
    const at::Tensor last = std::get<0>(kept.topk(k)).select(0, k - 1);
    kept.masked_fill_(kept < last, kBanned);
  }
  if (settings.top_p < 1) keep_top_p(settings.top_p, kept);
  if (settings.min_p > 0) keep_min_p(settings.min_p, kept);
  return kept.softmax(-1);
}

int64_t draw(const at::Tensor& probabilities, at::Generator& generator) {
  const at::Tensor local = probabilities.cpu();
  const at::Tensor race = at::empty_like(local).exponential_(1, generator);
  return (local / race).argmax().item<int64_t>();
}

}  // namespace aieb::engine
