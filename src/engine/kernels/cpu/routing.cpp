#include "engine/kernels/cpu/routing.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace aieb::engine::cpu {

std::vector<Choice> pick_experts(const MoeSpec& spec, std::span<const float> scores) {
  std::vector<std::int64_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  const auto better = [scores](std::int64_t a, std::int64_t b) {
    return scores[a] != scores[b] ? scores[a] > scores[b] : a < b;
  };
  std::partial_sort(order.begin(), order.begin() + spec.per_token, order.end(), better);
  const float highest = scores[order.front()];

  std::vector<Choice> chosen;
  float chosen_sum = 0;
  for (std::int64_t i = 0; i < spec.per_token; ++i) {
    chosen.push_back({order[i], std::exp(scores[order[i]] - highest)});
    chosen_sum += chosen.back().weight;
  }
  float total = chosen_sum;  // of a softmax over the chosen, or of one over all made to sum to 1
  if (!spec.softmax_after_topk && !spec.renormalise) {
    total = 0;
    for (const float score : scores) total += std::exp(score - highest);
  }
  for (Choice& choice : chosen) choice.weight /= total;
  return chosen;
}

}  // namespace aieb::engine::cpu
