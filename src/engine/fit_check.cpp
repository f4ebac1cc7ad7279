#include "engine/fit_check.h"

#include <algorithm>
#include <utility>

#include "engine/place_model.h"

namespace aieb::engine {
namespace {

/// Other ways to hold the weights, with their share of the bytes that they take now.
std::vector<SmallerWeights> smaller_ways(const Checkpoint& checkpoint, const ModelSpec& spec,
                                         at::ScalarType dtype,
                                         const std::optional<Quantisation>& quantisation,
                                         int64_t bytes) {
  std::vector<SmallerWeights> ways;
  const auto add = [&](const char* setting, at::ScalarType type,
                       const std::optional<Quantisation>& packing) {
    const int64_t smaller = outline_of(checkpoint, spec, type, packing).bytes();
    const double share = static_cast<double>(smaller) / static_cast<double>(bytes);
    if (share < 1) ways.push_back({setting, share, packing.has_value()});
  };
  if (!quantisation) {
    add("backend.load_in_8bit: true", dtype, Quantisation{.four_bits = false, .compute = {}});
    add("backend.load_in_4bit: true", dtype, Quantisation{});
  }
  if (dtype == at::kFloat) add("backend.torch_dtype: bfloat16", at::kBFloat16, quantisation);
  return ways;
}

/// Bytes of keys and values of one position of one sequence on each lane.
std::vector<int64_t> bytes_of_position(const ModelSpec& spec, at::ScalarType dtype,
                                       const DevicePlan& plan) {
  std::vector<int64_t> bytes(plan.lanes.size());
  const AttentionSpec& attention = spec.attention;
  const int64_t numbers = attention.kv_heads * (attention.head_dim + attention.value_dim);
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    bytes[plan.layer(i).lane] += numbers * static_cast<int64_t>(c10::elementSize(dtype));
  }
  return bytes;
}

}  // namespace

FitCheck::FitCheck(const Checkpoint& checkpoint, const ModelSpec& spec, at::ScalarType dtype,
                   const std::optional<Quantisation>& quantisation, const Outline& outline,
                   const DevicePlan& plan, std::vector<Lane> others, FreeMemory free)
    : lanes_(plan.lanes),
      cache_bytes_(bytes_of_position(spec, dtype, plan)),
      others_(std::move(others)),
      weights_(planned_bytes(outline, plan)),
      staging_(staging_bytes(outline, plan)),
      parameters_(outline.parameters),
      smaller_(smaller_ways(checkpoint, spec, dtype, quantisation, outline.bytes())),
      free_(std::move(free)) {}

Shortage FitCheck::describe(const Lane& lane, int64_t free) const {
  Shortage shortage;
  shortage.place = lane.place;
  const auto weights = weights_.find(lane.place);
  if (weights != weights_.end()) shortage.weights = weights->second;
  shortage.free = free;
  shortage.smaller = smaller_;
  shortage.parameters = parameters_;
  return shortage;
}

void FitCheck::note_elsewhere(Shortage& shortage) const {
  for (const Lane& other : others_) {
    if (other.place == shortage.place) continue;
    const auto bytes = free_(other);
    if (bytes) shortage.elsewhere.push_back({other.place, static_cast<double>(*bytes)});
  }
}

void FitCheck::refuse(Shortage shortage) const {
  note_elsewhere(shortage);
  throw OutOfMemory(std::move(shortage));
}

Shortage FitCheck::describe(size_t lane, int64_t free, const MemoryDemand& demand) const {
  Shortage shortage = describe(lanes_[lane], free);
  if (lane == 0) shortage.staging = staging_;
  shortage.cache = demand.batch * demand.positions * cache_bytes_[lane];
  shortage.batch = demand.batch;
  shortage.positions = demand.positions;
  return shortage;
}

void FitCheck::require_weights(const MemoryDemand& demand) const {
  for (size_t i = 0; i < lanes_.size(); ++i) {
    const auto free = free_(lanes_[i]);
    if (!free) continue;
    Shortage shortage = describe(i, *free, demand);
    if (shortage.needed() > *free) refuse(std::move(shortage));
  }
  const bool runs_there = std::ranges::find(lanes_, "cpu", &Lane::place) != lanes_.end();
  if (runs_there || !weights_.contains("cpu")) return;
  const Lane cpu;
  const auto free = free_(cpu);
  if (!free) return;
  Shortage offloaded = describe(cpu, *free);
  if (offloaded.needed() > *free) refuse(std::move(offloaded));
}

void FitCheck::require_cache(const MemoryDemand& demand) const {
  for (size_t i = 0; i < lanes_.size(); ++i) {
    const auto free = free_(lanes_[i]);
    if (!free) continue;
    Shortage shortage = describe(i, *free, demand);
    shortage.loaded = true;
    if (shortage.needed() > *free) refuse(std::move(shortage));
  }
}

std::string FitCheck::failed_allocation(const MemoryDemand& demand,
                                        const std::string& detail) const {
  size_t fullest = 0;
  std::optional<int64_t> least;
  for (size_t i = 0; i < lanes_.size(); ++i) {
    const auto free = free_(lanes_[i]);
    if (!free || (least && *free >= *least)) continue;
    fullest = i;
    least = free;
  }
  if (!least) return "out of memory: " + detail;
  Shortage shortage = describe(fullest, *least, demand);
  shortage.loaded = true;
  shortage.detail = detail;
  note_elsewhere(shortage);
  return shortage_text(shortage);
}

}  // namespace aieb::engine
