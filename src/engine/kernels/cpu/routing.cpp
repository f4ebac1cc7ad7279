#include "engine/kernels/cpu/routing.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

namespace aieb::engine::cpu {
namespace {

constexpr float kTiny = 1e-20f;  // DeepSeek-V3's guard against a sum of 0

/// The router's scores before renormalisation: e^(logit − highest) for both kinds of softmax.
std::vector<float> scores_of(RouterScore kind, std::span<const float> logits) {
  std::vector<float> scores(logits.begin(), logits.end());
  const float highest = *std::max_element(logits.begin(), logits.end());
  for (float& score : scores) {
    score = kind == RouterScore::kSigmoid ? 1 / (1 + std::exp(-score)) : std::exp(score - highest);
  }
  return scores;
}

/// Sets the ranks outside of the best groups to −∞.
void keep_best_groups(const MoeSpec& spec, std::vector<float>& ranks) {
  const auto groups = static_cast<std::size_t>(spec.groups);
  const std::size_t size = ranks.size() / groups;
  std::vector<float> group_ranks;
  for (std::size_t g = 0; g < groups; ++g) {
    std::vector<float> group(ranks.begin() + g * size, ranks.begin() + (g + 1) * size);
    const std::size_t highest = std::min<std::size_t>(2, size);
    std::partial_sort(group.begin(), group.begin() + highest, group.end(), std::greater<>());
    group_ranks.push_back(std::accumulate(group.begin(), group.begin() + highest, 0.f));
  }
  std::vector<std::size_t> order(groups);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return group_ranks[a] > group_ranks[b]; });
  for (std::size_t i = static_cast<std::size_t>(spec.groups_kept); i < groups; ++i) {
    std::fill_n(ranks.begin() + order[i] * size, size, -std::numeric_limits<float>::infinity());
  }
}

}  // namespace

std::vector<Choice> pick_experts(const MoeSpec& spec, std::span<const float> logits,
                                 std::span<const float> bias) {
  const std::vector<float> scores = scores_of(spec.score, logits);
  std::vector<float> ranks = scores;
  for (std::size_t i = 0; i < bias.size(); ++i) ranks[i] += bias[i];
  if (spec.groups > 1) keep_best_groups(spec, ranks);
  std::vector<std::int64_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  std::partial_sort(order.begin(), order.begin() + spec.per_token, order.end(),
                    [&ranks](std::int64_t a, std::int64_t b) {
                      return ranks[a] != ranks[b] ? ranks[a] > ranks[b] : a < b;
                    });

  std::vector<Choice> chosen;
  float chosen_sum = 0;
  for (std::int64_t i = 0; i < spec.per_token; ++i) {
    chosen.push_back({order[i], scores[order[i]]});
    chosen_sum += chosen.back().weight;
  }
  float total = 1;
  if (spec.renormalise || spec.score == RouterScore::kSoftmaxOfChosen) {
    total = chosen_sum + kTiny;
  } else if (spec.score == RouterScore::kSoftmax) {
    total = std::accumulate(scores.begin(), scores.end(), 0.f);
  }
  for (Choice& choice : chosen) choice.weight *= static_cast<float>(spec.scale) / total;
  return chosen;
}

}  // namespace aieb::engine::cpu
