#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <ATen/core/Tensor.h>

#include "engine/checkpoint/checkpoint.h"
#include "engine/spec/names.h"

namespace aieb::engine {

/// Finds the tensors of slots in a checkpoint, notes which were read, and collects what is missing.
class TensorSource {
 public:
  TensorSource(const Checkpoint& checkpoint, const NameMap& names);

  /// Full module names: "model.layers.3.self_attn.q_proj". Nothing when the family has no such
  /// slot.
  [[nodiscard]] std::optional<std::string> end_module(Slot slot) const;
  [[nodiscard]] std::optional<std::string> layer_module(Slot slot, size_t layer) const;
  [[nodiscard]] bool is_optional(Slot slot) const;
  /// "model.layers.3"
  [[nodiscard]] std::string layer_name(size_t layer) const;
  /// The layer that a tensor belongs to.
  [[nodiscard]] std::optional<size_t> layer_of(const std::string& tensor) const;
  /// What stands before the names of the modules in the checkpoint: "model.", or nothing.
  [[nodiscard]] const std::string& prefix() const { return prefix_; }
  /// A causal mask or rotary table that some checkpoints store beside weights.
  [[nodiscard]] static bool is_buffer(std::string_view tensor);

  [[nodiscard]] bool contains(const std::string& tensor) const {
    return checkpoint_.contains(tensor);
  }

  /// Reads a tensor. When there is none, notes it as missing and returns an undefined tensor.
  at::Tensor take(const std::string& tensor);
  /// Reads a tensor, or returns an undefined one.
  at::Tensor take_if_present(const std::string& tensor);
  [[nodiscard]] bool is_packed(const std::string& tensor) const {
    return checkpoint_.is_packed(tensor);
  }
  /// The matrix in packed form, where the checkpoint has one.
  std::optional<PackedMatrix> take_packed(const std::string& tensor);
  /// Counts a tensor as read without reading it.
  void skip(const std::string& tensor) { read_.insert(tensor); }

  void note_problem(std::string problem) { problems_.push_back(std::move(problem)); }

  /// Throws ModelError when anything was missing or misshapen, listing all of it.
  void check() const;
  /// Tensors that nothing read, without the buffers that other frameworks store beside weights.
  [[nodiscard]] std::vector<std::string> unused() const;

 private:
  const Checkpoint& checkpoint_;
  const NameMap& names_;
  std::string prefix_;
  std::set<std::string> read_;
  std::vector<std::string> problems_;
};

}  // namespace aieb::engine
