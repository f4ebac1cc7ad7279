#include "engine/decoder/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include <ATen/ATen.h>

// Formulas and the order of operations: transformers' modeling_rope_utils.py, so that float32
// results agree to the last bit where possible.
namespace aieb::engine {
namespace {

/// base^(2i/d) for i < d/2.
at::Tensor powers(double base, int64_t dim) {
  return at::pow(base, at::arange(0, dim, 2, at::kFloat) / dim);
}

at::Tensor yarn(const RopeSpec& spec) {
  const auto dim = static_cast<double>(spec.rotary_dim);
  const auto correction = [&](double rotations) {
    return dim *
           std::log(static_cast<double>(spec.original_max_position) /
                    (rotations * 2 * std::numbers::pi)) /
           (2 * std::log(spec.theta));
  };
  double low = correction(spec.beta_fast);
  double high = correction(spec.beta_slow);
  if (spec.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, dim - 1);
  if (low == high) high += 0.001;
  const at::Tensor ramp =
      ((at::arange(spec.rotary_dim / 2, at::kFloat) - low) / (high - low)).clamp(0, 1);
  const at::Tensor frequencies = powers(spec.theta, spec.rotary_dim);
  const at::Tensor keep = 1 - ramp;
  return 1.0 / (spec.factor * frequencies) * (1 - keep) + 1.0 / frequencies * keep;
}

at::Tensor llama3(const RopeSpec& spec) {
  const at::Tensor plain = 1.0 / powers(spec.theta, spec.rotary_dim);
  const auto original = static_cast<double>(spec.original_max_position);
  const double long_wave = original / spec.low_freq_factor;
  const double short_wave = original / spec.high_freq_factor;
  const at::Tensor wave = 2 * std::numbers::pi / plain;
  const at::Tensor scaled = at::where(wave > long_wave, plain / spec.factor, plain);
  const at::Tensor smooth =
      (original / wave - spec.low_freq_factor) / (spec.high_freq_factor - spec.low_freq_factor);
  const at::Tensor blended = (1 - smooth) * scaled / spec.factor + smooth * scaled;
  const at::Tensor medium = (wave >= short_wave).logical_and(wave <= long_wave);
  return at::where(medium, blended, scaled);
}

at::Tensor dynamic(const RopeSpec& spec, int64_t length) {
  const auto trained = static_cast<double>(spec.max_position);
  const double reached = std::max(static_cast<double>(length), trained);
  const auto dim = static_cast<double>(spec.rotary_dim);
  const double stretch = spec.factor * reached / trained - (spec.factor - 1);
  return 1.0 / powers(spec.theta * std::pow(stretch, dim / (dim - 2)), spec.rotary_dim);
}

at::Tensor longrope(const RopeSpec& spec, int64_t length) {
  const auto& factors = length > spec.original_max_position ? spec.long_factor : spec.short_factor;
  return 1.0 / (at::tensor(factors, at::kFloat) * powers(spec.theta, spec.rotary_dim));
}

}  // namespace

Rope::Rope(const RopeSpec& spec, at::Device device) : spec_(spec), device_(device) {}

at::Tensor Rope::frequencies(int64_t length) const {
  switch (spec_.kind) {
    case RopeKind::kDefault:
      return 1.0 / powers(spec_.theta, spec_.rotary_dim);
    case RopeKind::kLinear:
      return 1.0 / powers(spec_.theta, spec_.rotary_dim) / spec_.factor;
    case RopeKind::kDynamic:
      return dynamic(spec_, length);
    case RopeKind::kYarn:
      return yarn(spec_);
    case RopeKind::kLongrope:
      return longrope(spec_, length);
    case RopeKind::kLlama3:
      return llama3(spec_);
  }
  return {};
}

int64_t Rope::static_limit() const {
  if (spec_.kind == RopeKind::kDynamic) return spec_.max_position;
  if (spec_.kind == RopeKind::kLongrope) return spec_.original_max_position;
  return 0;
}

void Rope::prepare(int64_t capacity, at::ScalarType type) {
  const int64_t limit = static_limit();
  const int64_t rows = limit == 0 ? capacity : std::min(capacity, limit);
  const auto found = std::ranges::find(tables_, type, &Table::type);
  if (found != tables_.end() && found->cos.size(0) >= rows) return;
  const auto positions = at::arange(rows, at::TensorOptions().dtype(at::kLong).device(device_));
  const RopeRows made = compute(positions, rows, type);
  if (found != tables_.end()) tables_.erase(found);
  tables_.push_back({type, made.cos, made.sin});
}

const Rope::Table* Rope::table(int64_t length, at::ScalarType type) const {
  const auto found = std::ranges::find(tables_, type, &Table::type);
  return found != tables_.end() && length <= found->cos.size(0) ? &*found : nullptr;
}

RopeRows Rope::rows(const at::Tensor& positions, int64_t length, at::ScalarType type) const {
  if (const Table* ready = table(length, type)) {
    return {ready->cos.index_select(0, positions), ready->sin.index_select(0, positions)};
  }
  return compute(positions, length, type);
}

RopeRows Rope::range(int64_t first, int64_t count, at::ScalarType type) const {
  if (const Table* ready = table(first + count, type)) {
    return {ready->cos.narrow(0, first, count), ready->sin.narrow(0, first, count)};
  }
  const auto options = at::TensorOptions().dtype(at::kLong).device(device_);
  return compute(at::arange(first, first + count, options), first + count, type);
}

RopeRows Rope::compute(const at::Tensor& positions, int64_t length, at::ScalarType type) const {
  const at::Tensor angles =
      positions.to(at::kFloat).unsqueeze(1) * frequencies(length).to(device_).unsqueeze(0);
  return {(angles.cos() * spec_.attention_factor).to(type).contiguous(),
          (angles.sin() * spec_.attention_factor).to(type).contiguous()};
}

}  // namespace aieb::engine
