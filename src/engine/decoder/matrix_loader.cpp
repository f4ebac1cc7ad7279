#include "engine/decoder/matrix_loader.h"

#include <algorithm>
#include <utility>

#include <ATen/ATen.h>

namespace aieb::engine {
namespace {

bool is_defined(const at::Tensor& tensor) { return tensor.defined(); }

}  // namespace

std::string numbered(std::string module, int64_t index) {
  const size_t place = module.find("{}");
  return place == std::string::npos ? module : module.replace(place, 2, std::to_string(index));
}

Linear MatrixLoader::linear(const std::vector<MatrixPart>& parts, int64_t in, bool optional) {
  const auto stored_packed = [this](const MatrixPart& part) {
    return source_.is_packed(part.module + ".weight");
  };
  if (quantisation_ || std::ranges::all_of(parts, stored_packed)) return packed_linear(parts, in);
  std::vector<at::Tensor> weights;
  std::vector<int64_t> rows;
  for (const auto& part : parts) {
    weights.push_back(matrix(part, in, optional));
    rows.push_back(weights.back().defined() ? weights.back().size(0) : 0);
  }
  const at::Tensor bias = biases(parts, rows);
  if (!std::ranges::all_of(weights, is_defined)) return {};
  Linear linear;
  linear.weight = joined(weights, parts);
  linear.bias = finish(bias);
  return linear;
}

at::Tensor MatrixLoader::joined(const std::vector<at::Tensor>& stored,
                                const std::vector<MatrixPart>& parts) {
  if (in_place_ && stored.size() == 1) {
    return keep(convert(ordered(stored.front(), parts.front().order)));
  }
  int64_t rows = 0;
  for (const at::Tensor& part : stored) rows += part.size(0);
  const at::Tensor whole = reserve({rows, stored.front().size(1)});
  int64_t first = 0;
  for (size_t i = 0; i < stored.size(); ++i) {
    fill(stored[i], whole.narrow(0, first, stored[i].size(0)), parts[i].order);
    first += stored[i].size(0);
  }
  return whole;
}

at::Tensor MatrixLoader::biases(const std::vector<MatrixPart>& parts,
                                const std::vector<int64_t>& rows) {
  std::vector<at::Tensor> found;
  for (const auto& part : parts) {
    found.push_back(convert(ordered(source_.take_if_present(part.module + ".bias"), part.order)));
  }
  if (std::ranges::none_of(found, is_defined)) return {};
  for (size_t i = 0; i < found.size(); ++i) {
    if (found[i].defined()) continue;
    found[i] = at::zeros({rows[i]}, at::TensorOptions().dtype(dtype_).device(device_));
  }
  return at::cat(found);
}

Linear MatrixLoader::packed_linear(const std::vector<MatrixPart>& parts, int64_t in) {
  Linear linear;
  linear.stored = dtype_;
  if (quantisation_ && quantisation_->four_bits) {
    linear.compute = quantisation_->compute.value_or(at::kFloat);
  }
  std::vector<int64_t> rows;
  bool whole = true;
  for (const auto& part : parts) {
    auto matrix = packed(part, in);
    rows.push_back(matrix ? matrix->rows : 0);
    whole = whole && matrix;
    if (!matrix) continue;
    parameters_ += matrix->rows * matrix->cols;
    bytes_ += matrix->bytes();
    linear.packed.push_back(std::move(*matrix));
  }
  linear.bias = finish(biases(parts, rows));
  return whole ? linear : Linear{};
}

std::optional<PackedMatrix> MatrixLoader::packed(const MatrixPart& part, int64_t in) {
  const std::string name = part.module + ".weight";
  std::optional<PackedMatrix> packed = source_.take_packed(name);
  if (packed) {
    // Transposed layers are stored as they are multiplied once they are packed.
    const bool fits =
        (part.rows == kAny || packed->rows == part.rows) && (in == kAny || packed->cols == in);
    if (!fits) source_.note_problem(name + " does not have the shape that the configuration needs");
    if (!fits) return std::nullopt;
  } else {
    const at::Tensor dense = matrix(part, in, false);
    if (!dense.defined()) return std::nullopt;
    packed = pack(buffer_.read(dense).to(device_, dtype_), *quantisation_);
  }
  packed->order = part.order;
  return packed->to(device_);
}

at::Tensor MatrixLoader::matrix(const MatrixPart& part, int64_t in, bool optional) {
  const std::string name = part.module + ".weight";
  const at::Tensor weight = optional ? source_.take_if_present(name) : source_.take(name);
  const std::vector<int64_t> shape =
      transposed_ ? std::vector{in, part.rows} : std::vector{part.rows, in};
  const at::Tensor stored = checked(name, weight, shape);
  return stored.defined() && transposed_ ? stored.t() : stored;
}

std::optional<Norm> MatrixLoader::norm(const std::optional<std::string>& module,
                                       const NormSpec& spec, int64_t width, bool optional,
                                       const at::Tensor& order) {
  if (!spec.weighted) return make_norm({}, {}, spec);
  if (!module) return std::nullopt;
  const std::string name = *module + ".weight";
  at::Tensor weight = optional ? source_.take_if_present(name) : source_.take(name);
  if (width != kAny) weight = checked(name, weight, {width});
  if (!weight.defined()) return std::nullopt;
  if (order.defined()) {
    weight = weight.view({-1, order.size(0)}).index_select(1, order).view(weight.sizes());
  }
  return make_norm(weight, source_.take_if_present(*module + ".bias"), spec);
}

std::optional<Norm> MatrixLoader::norm_per_head(const std::string& module, const NormSpec& spec,
                                                int64_t heads) {
  std::vector<at::Tensor> weights;
  for (int64_t head = 0; head < heads; ++head) {
    weights.push_back(source_.take(numbered(module, head) + ".weight"));
  }
  if (!std::ranges::all_of(weights, is_defined)) return std::nullopt;
  return make_norm(at::stack(weights), {}, spec);
}

std::optional<Norm> MatrixLoader::make_norm(at::Tensor weight, const at::Tensor& bias,
                                            const NormSpec& spec) {
  Norm norm;
  norm.kind = spec.kind;
  norm.eps = spec.eps;
  norm.cast_before_weight = spec.cast_before_weight;
  norm.bias = finish(bias);
  if (!weight.defined()) return norm;
  if (spec.weight_offset != 0 && spec.kind == NormKind::kRms) {
    // The sum 1 + w is kept in float32: families that have it multiply before they cast.
    norm.weight = keep((weight.to(at::kFloat) + spec.weight_offset).to(device_));
  } else if (spec.weight_offset != 0) {
    norm.weight = keep(convert(weight) + spec.weight_offset);
  } else {
    norm.weight = finish(weight);
  }
  return norm;
}

at::Tensor MatrixLoader::checked(const std::string& name, const at::Tensor& tensor,
                                 std::vector<int64_t> shape) {
  if (!tensor.defined()) return tensor;
  const auto fits = [](int64_t size, int64_t wanted) { return wanted == kAny || size == wanted; };
  if (std::ranges::equal(tensor.sizes(), shape, fits)) return tensor;
  const auto text = [](at::IntArrayRef sizes) {
    std::string list;
    for (const int64_t size : sizes) {
      list += (list.empty() ? "" : ", ") + (size == kAny ? "any" : std::to_string(size));
    }
    return "[" + list + "]";
  };
  source_.note_problem(name + " has the shape " + text(tensor.sizes()) +
                       ", the configuration needs " + text(shape));
  return {};
}

at::Tensor MatrixLoader::convert(const at::Tensor& tensor) const {
  if (!tensor.defined()) return tensor;
  prefetch(tensor);
  return tensor.to(device_, dtype_).contiguous();
}

at::Tensor MatrixLoader::finish(const at::Tensor& tensor) {
  if (!tensor.defined()) return tensor;
  if (in_place_) return keep(convert(tensor));
  const at::Tensor finished = reserve(tensor.sizes());
  fill(tensor, finished);
  return finished;
}

at::Tensor MatrixLoader::reserve(at::IntArrayRef sizes) {
  const bool in_arena = device_.is_cpu() && !in_place_;
  const at::Tensor reserved =
      in_arena ? arena_.reserve(sizes, dtype_)
               : at::empty(sizes, at::TensorOptions().dtype(dtype_).device(device_));
  parameters_ += reserved.numel();
  bytes_ += static_cast<int64_t>(reserved.nbytes());
  return reserved;
}

void MatrixLoader::fill(const at::Tensor& stored, const at::Tensor& into, const at::Tensor& order) {
  if (in_place_) {
    prefetch(stored);
    into.copy_(ordered(stored, order));
  } else if (device_.is_cpu() && stored.is_contiguous() && !order.defined()) {
    copies_.add(stored, into);
  } else if (device_.is_cpu()) {
    into.copy_(ordered(buffer_.read(stored), order));
  } else {
    copies_.add_staged(stored, into, order);
  }
}

at::Tensor MatrixLoader::keep(at::Tensor tensor) {
  parameters_ += tensor.numel();
  bytes_ += static_cast<int64_t>(tensor.nbytes());
  return device_.is_cpu() && !in_place_ ? arena_.place(tensor) : tensor;
}

at::Tensor MatrixLoader::leave(const at::Tensor& tensor) {
  if (!tensor.defined()) return tensor;
  parameters_ += tensor.numel();
  bytes_ += tensor.numel() * static_cast<int64_t>(c10::elementSize(dtype_));
  return tensor;
}

}  // namespace aieb::engine
