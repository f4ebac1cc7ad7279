#include "engine/kernels/cpu_ops.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>

#include <ATen/ATen.h>

#include "engine/kernels/cpu/activation.h"
#include "engine/kernels/cpu/matvec.h"
#include "engine/kernels/cpu/norm.h"
#include "engine/kernels/cpu/rope.h"
#include "engine/kernels/cpu/routing.h"
#include "engine/kernels/cpu/unpack.h"
#include "engine/kernels/cpu/vector.h"
#include "engine/kernels/int8_rows.h"

namespace aieb::engine {
namespace {

using cpu::DType;
using cpu::Range;
using cpu::Store;
using cpu::ThreadTeam;

DType dtype_of(const at::Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case at::kBFloat16:
      return DType::kBf16;
    case at::kHalf:
      return DType::kF16;
    default:
      return DType::kF32;
  }
}

const void* data_of(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.const_data_ptr() : nullptr;
}

cpu::Matrix matrix_of(const at::Tensor& weight, const at::Tensor& bias) {
  return {weight.const_data_ptr(), data_of(bias),  dtype_of(weight),
          weight.size(0),          weight.size(1), weight.stride(0)};
}

/// Work below this many bytes (or elements of arithmetic) is over before a second thread has begun.
constexpr int64_t kWorthSharing = 16 * 1024;

/// Calls body(range) for slices of [0, n) on all threads, or for all of it on this one.
template <class Body>
void share(ThreadTeam& team, int64_t n, int64_t granule, int64_t bytes, const Body& body) {
  if (bytes < kWorthSharing || team.size() == 1) return body(Range{0, n});
  team.run([&](int rank) { body(cpu::slice(n, rank, team.size(), granule)); });
}

/// Rows whose results share a cache line go to one thread.
constexpr int64_t kRowGranule = 16;

void multiply(ThreadTeam& team, const cpu::Matrix& w, const float* x, float* y, int64_t batch,
              Store store) {
  share(team, w.rows, kRowGranule, w.bytes(), [&](Range rows) {
    for (int64_t b = 0; b < batch; b += cpu::kMaxBatch) {
      cpu::matvec(w, {x + b * w.cols, w.cols}, {y + b * w.rows, w.rows},
                  std::min(cpu::kMaxBatch, batch - b), rows, store);
    }
  });
}

cpu::PackedRows packed_of(const PackedMatrix& matrix) {
  const auto floats = [](const at::Tensor& t) {
    return t.defined() ? t.const_data_ptr<float>() : nullptr;
  };
  cpu::PackedRows rows;
  rows.codes = matrix.codes.const_data_ptr();
  rows.levels = floats(matrix.levels);
  rows.scales = floats(matrix.scales);
  if (matrix.scale_codes.defined()) rows.scale_codes = matrix.scale_codes.const_data_ptr<uint8_t>();
  rows.scale_levels = floats(matrix.scale_levels);
  rows.scale_offset = static_cast<float>(matrix.scale_offset);
  if (matrix.order.defined()) rows.order = matrix.order.const_data_ptr<int64_t>();
  rows.cols = matrix.cols;
  rows.block = matrix.block;
  rows.run = matrix.run;
  return rows;
}

/// The same for packed weights: each thread unpacks some rows at a time, which stay in its cache,
/// and multiplies them. `bias` is float32 [rows], or null.
void multiply_packed(ThreadTeam& team, const std::vector<PackedMatrix>& parts, const float* bias,
                     const at::Tensor& x, at::Tensor& out, Store store) {
  constexpr int64_t kRowsAtOnce = 8;
  const int64_t batch = x.size(0);
  const int64_t width = out.size(1);
  const int64_t cols = x.size(1);
  const at::Tensor read = parts.front().four_bits() ? x : round_to_int8(x).contiguous();
  const float* const input = read.const_data_ptr<float>();
  int64_t first = 0;
  for (const auto& part : parts) {
    const cpu::PackedRows packed = packed_of(part);
    float* const target = out.data_ptr<float>() + first;
    const float* const offsets = bias ? bias + first : nullptr;
    share(team, part.rows, kRowGranule, part.rows * cols, [&](Range rows) {
      std::vector<float> dense(static_cast<size_t>(kRowsAtOnce * cols));
      for (int64_t r = rows.begin; r < rows.end; r += kRowsAtOnce) {
        const Range block{r, std::min(rows.end, r + kRowsAtOnce)};
        cpu::unpack_rows(packed, block, dense.data());
        const cpu::Matrix w{
            dense.data(), offsets ? offsets + r : nullptr, DType::kF32, block.size(), cols, cols};
        for (int64_t b = 0; b < batch; b += cpu::kMaxBatch) {
          cpu::matvec(w, {input + b * cols, cols}, {target + b * width + r, width},
                      std::min(cpu::kMaxBatch, batch - b), {0, block.size()}, store);
        }
      }
    });
    first += part.rows;
  }
}

cpu::NormWeights norm_of(const Norm& norm) {
  return {norm.kind == NormKind::kRms, data_of(norm.weight), data_of(norm.bias),
          norm.weight.defined() ? dtype_of(norm.weight) : DType::kF32,
          static_cast<float>(norm.eps)};
}

/// `space` holds the values of `tensor` times `scale` as float32.
const float* widen(const at::Tensor& tensor, double scale, std::vector<float>& space) {
  if (!tensor.defined()) return nullptr;
  space.resize(static_cast<size_t>(tensor.numel()));
  cpu::load_from(dtype_of(tensor), tensor.const_data_ptr(), space.data(), tensor.numel());
  for (float& value : space) value *= static_cast<float>(scale);
  return space.data();
}

/// Normalises q and k of one row where the layer has such norms: per head, or over all heads.
void normalize_heads(const std::optional<Norm>& norm, float* x, int64_t width, int64_t head_dim) {
  if (!norm) return;
  cpu::NormWeights weights = norm_of(*norm);
  const int64_t unit = norm->weight.defined() ? norm->weight.size(-1) : head_dim;
  const bool own = norm->weight.defined() && norm->weight.dim() == 2;
  for (int64_t i = 0; i < width; i += unit) {
    if (own) weights.weight = norm->weight[i / unit].const_data_ptr();
    cpu::normalize(weights, x + i, x + i, unit);
  }
}

int64_t start_of(const Step& step, int64_t row) {
  return step.start_of.empty() ? 0 : step.start_of[static_cast<size_t>(row)];
}

float temperature_of(const QueryTemperature& temperature, const Step& step, int64_t row) {
  const int64_t position =
      temperature.cache_index_from_one ? step.past + 1 : step.past - start_of(step, row);
  const double periods = std::floor(static_cast<double>(position) / temperature.period);
  return static_cast<float>(1 + temperature.gain * std::log1p(periods));
}

/// Makes q and k of one row ready: norms and rotation in the model's order.
void prepare_row(const Attention& a, const Step& step, int64_t row, float* q, float* k) {
  const auto normalize = [&] {
    normalize_heads(a.q_norm, q, a.q_width(), a.head_dim);
    normalize_heads(a.k_norm, k, a.kv_width(), a.head_dim);
  };
  if (!a.norm_after_rope) normalize();
  if (a.rope >= 0) {
    const RopeRows& rope = step.rope[static_cast<size_t>(a.rope)];
    const int64_t half = rope.cos.size(1);
    const float* cos = rope.cos.const_data_ptr<float>() + row * half;
    const float* sin = rope.sin.const_data_ptr<float>() + row * half;
    cpu::rotate(cpu::RopePairs::kHalves, q, a.heads, a.head_dim, 2 * half, cos, sin);
    cpu::rotate(cpu::RopePairs::kHalves, k, a.kv_heads, a.head_dim, 2 * half, cos, sin);
  }
  if (a.norm_after_rope) normalize();
  if (a.temperature) {
    const float factor = temperature_of(*a.temperature, step, row);
    for (int64_t i = 0; i < a.q_width(); ++i) q[i] *= factor;
  }
}

/// Writes the heads of one row's new key or value at `position` of a cache
/// [batch, kv_heads, capacity, head_dim].
void append(const at::Tensor& cache, int64_t row, int64_t position, const float* heads) {
  const int64_t dim = cache.size(3);
  auto* base = static_cast<std::byte*>(cache.data_ptr());
  for (int64_t h = 0; h < cache.size(1); ++h) {
    const int64_t offset = row * cache.stride(0) + h * cache.stride(1) + position * dim;
    cpu::store_as(dtype_of(cache), heads + h * dim, base + offset * cache.element_size(), dim);
  }
}

cpu::KvView view_of(const KvLayer& cache, int64_t row) {
  const auto of_row = [row](const at::Tensor& cached) {
    return static_cast<const std::byte*>(cached.const_data_ptr()) +
           row * cached.stride(0) * cached.element_size();
  };
  return {of_row(cache.keys), of_row(cache.values), dtype_of(cache.keys), cache.keys.stride(1),
          cache.values.stride(1)};
}

/// The cache entries that the newest token of `row` sees.
Range seen_by(const Attention& attention, const Step& step, int64_t row) {
  const int64_t start = start_of(step, row);
  int64_t first = start;
  if (attention.window > 0) first = std::max(first, step.length() - attention.window);
  if (attention.chunk > 0) first += (step.past - start) / attention.chunk * attention.chunk;
  return {first, step.length()};
}

/// Into how many runs of positions each head's work is cut so that `threads` share it evenly.
int64_t parts_for(int64_t heads, int64_t threads, int64_t positions) {
  constexpr int64_t kFewestPositions = 32;
  const int64_t even = threads / std::gcd(threads, heads);
  return std::clamp<int64_t>(positions / kFewestPositions, 1, even);
}

}  // namespace

CpuOps::CpuOps(int threads)
    : team_(std::make_unique<ThreadTeam>(threads)), scratch_(std::make_unique<Scratch>()) {}

bool CpuOps::supports(const ModelSpec& spec, at::ScalarType weights, at::Device device) {
  return device.is_cpu() && !spec.alibi_in_bf16 &&
         (weights == at::kFloat || weights == at::kBFloat16 || weights == at::kHalf);
}

at::ScalarType CpuOps::activation_type(at::ScalarType) const { return at::kFloat; }

void CpuOps::norm(const Norm& norm, const at::Tensor& x, at::Tensor& out) const {
  cpu::NormWeights weights = norm_of(norm);
  // A weight with the family's offset is float32 while the bias has the model's type.
  const bool mixed = norm.bias.defined() && dtype_of(norm.bias) != weights.dtype;
  if (mixed) weights.bias = nullptr;
  const float* bias = mixed ? widen(norm.bias, 1, scratch_->widened) : nullptr;
  const int64_t width = x.size(1);
  for (int64_t row = 0; row < x.size(0); ++row) {
    float* y = out.data_ptr<float>() + row * width;
    cpu::normalize(weights, x.const_data_ptr<float>() + row * width, y, width);
    if (bias) cpu::add_scaled(1, bias, y, width);
  }
}

void CpuOps::linear(const Linear& linear, const at::Tensor& x, at::Tensor& out) const {
  if (linear.is_packed()) {
    const float* bias = widen(linear.bias, 1, scratch_->widened);
    multiply_packed(*team_, linear.packed, bias, x, out, Store::kSet);
    return;
  }
  multiply(*team_, matrix_of(linear.weight, linear.bias), x.const_data_ptr<float>(),
           out.data_ptr<float>(), x.size(0), Store::kSet);
}

void CpuOps::linear_add(const Linear& linear, const at::Tensor& x, at::Tensor& residual) const {
  if (linear.is_packed()) {
    const float* bias = widen(linear.bias, 1, scratch_->widened);
    multiply_packed(*team_, linear.packed, bias, x, residual, Store::kAdd);
    return;
  }
  multiply(*team_, matrix_of(linear.weight, linear.bias), x.const_data_ptr<float>(),
           residual.data_ptr<float>(), x.size(0), Store::kAdd);
}

void CpuOps::add(const at::Tensor& x, double scale, at::Tensor& residual) const {
  cpu::add_scaled(static_cast<float>(scale), x.const_data_ptr<float>(), residual.data_ptr<float>(),
                  x.numel());
}

void CpuOps::activate(Activation activation, at::Tensor& x) const {
  float* values = x.data_ptr<float>();
  share(*team_, x.numel(), kRowGranule, x.numel(),
        [&](Range r) { cpu::activate(activation, values + r.begin, r.size()); });
}

void CpuOps::gate(Activation activation, const at::Tensor& gate_up, at::Tensor& out) const {
  const int64_t inner = out.size(1);
  for (int64_t row = 0; row < out.size(0); ++row) {
    const float* gates = gate_up.const_data_ptr<float>() + row * 2 * inner;
    float* y = out.data_ptr<float>() + row * inner;
    share(*team_, inner, kRowGranule, inner, [&](Range r) {
      cpu::gate(activation, gates + r.begin, gates + inner + r.begin, y + r.begin, r.size());
    });
  }
}

cpu::DecodeAttention CpuOps::describe(const Attention& attention) const {
  cpu::DecodeAttention a;
  a.heads = attention.heads;
  a.kv_heads = attention.kv_heads;
  a.head_dim = attention.head_dim;
  a.value_dim = attention.value_dim;
  a.scale = static_cast<float>(attention.scale);
  a.softcap = static_cast<float>(attention.softcap);
  a.sinks = widen(attention.sinks, 1, scratch_->sinks);
  a.alibi_slopes = widen(attention.alibi_slopes, attention.alibi_scale, scratch_->slopes);
  return a;
}

void CpuOps::attend(const Attention& attention, const Step& step, at::Tensor& qkv, KvLayer& cache,
                    at::Tensor& out) const {
  const cpu::DecodeAttention a = describe(attention);
  float* const packed = qkv.data_ptr<float>();
  for (int64_t row = 0; row < step.batch; ++row) {
    float* q = packed + row * qkv.size(1);
    float* k = q + attention.q_width();
    prepare_row(attention, step, row, q, k);
    append(cache.keys, row, step.past, k);
    append(cache.values, row, step.past, k + attention.kv_width());
  }

  const int64_t heads = step.batch * a.kv_heads;
  const int64_t parts = parts_for(heads, team_->size(), step.length());
  const int64_t stride = cpu::part_size(a);
  scratch_->parts.resize(static_cast<size_t>(heads * parts * stride));
  float* const results = scratch_->parts.data();
  float* const target = out.data_ptr<float>();
  team_->run([&](int rank) {
    const Range items = cpu::slice(heads * parts, rank, team_->size());
    for (int64_t i = items.begin; i < items.end; ++i) {
      const int64_t row = i / parts / a.kv_heads;
      const Range seen = seen_by(attention, step, row);
      Range part = cpu::slice(seen.size(), i % parts, parts);
      part = {part.begin + seen.begin, part.end + seen.begin};
      cpu::attend_part(a, view_of(cache, row), packed + row * qkv.size(1), i / parts % a.kv_heads,
                       part, step.past, results + i * stride);
    }
    team_->barrier();
    const Range merged = cpu::slice(heads, rank, team_->size());
    for (int64_t h = merged.begin; h < merged.end; ++h) {
      cpu::merge_parts(a, results + h * parts * stride, parts, stride, h % a.kv_heads,
                       target + h / a.kv_heads * out.size(1));
    }
  });
}

void CpuOps::experts(const MoeSpec& spec, Activation activation, const Experts& experts,
                     const at::Tensor& x, at::Tensor& out) const {
  const int64_t hidden = x.size(1);
  const int64_t inner = experts.down.size(2);
  const int64_t count = spec.experts;
  scratch_->expanded.resize(static_cast<size_t>(std::max(2 * inner, count)));
  scratch_->inner.resize(static_cast<size_t>(inner));
  scratch_->branch.resize(static_cast<size_t>(hidden));
  if (spec.weigh_input) scratch_->weighed.resize(static_cast<size_t>(hidden));
  std::span<const float> bias;
  if (experts.choice_bias.defined()) {
    bias = {experts.choice_bias.const_data_ptr<float>(), static_cast<size_t>(count)};
  }
  const auto of = [](const at::Tensor& all, int64_t e) { return all.defined() ? all[e] : all; };
  out.zero_();
  for (int64_t row = 0; row < x.size(0); ++row) {
    const float* input = x.const_data_ptr<float>() + row * hidden;
    float* wide = scratch_->expanded.data();
    multiply(*team_, matrix_of(experts.router.weight, experts.router.bias), input, wide, 1,
             Store::kSet);
    const auto chosen = cpu::pick_experts(spec, {wide, static_cast<size_t>(count)}, bias);
    for (const auto& [expert, weight] : chosen) {
      const float* read = input;
      if (spec.weigh_input) {
        std::transform(input, input + hidden, scratch_->weighed.begin(),
                       [w = weight](float value) { return w * value; });
        read = scratch_->weighed.data();
      }
      multiply(*team_, matrix_of(experts.gate_up[expert], of(experts.gate_up_bias, expert)), read,
               wide, 1, Store::kSet);
      cpu::gate(activation, wide, wide + inner, scratch_->inner.data(), inner);
      multiply(*team_, matrix_of(experts.down[expert], of(experts.down_bias, expert)),
               scratch_->inner.data(), scratch_->branch.data(), 1, Store::kSet);
      cpu::add_scaled(spec.weigh_input ? 1 : weight, scratch_->branch.data(),
                      out.data_ptr<float>() + row * hidden, hidden);
    }
  }
}

}  // namespace aieb::engine
