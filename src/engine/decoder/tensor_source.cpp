#include "engine/decoder/tensor_source.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

#include "core/error.h"

namespace aieb::engine {
namespace {

// Causal masks and rotary tables that older checkpoints carry.
constexpr std::array<std::string_view, 6> kBuffers = {"rotary_emb.inv_freq", "attn.bias",
                                                      "attn.masked_bias",    "attention.bias",
                                                      "masked_bias",         "position_ids"};

const SlotName* find(const std::vector<SlotName>& names, Slot slot) {
  const auto found = std::ranges::find(names, slot, &SlotName::slot);
  return found == names.end() ? nullptr : &*found;
}

}  // namespace

TensorSource::TensorSource(const Checkpoint& checkpoint, const NameMap& names)
    : checkpoint_(checkpoint), names_(names), prefix_(names.prefixes.front()) {
  const std::string embedding(find(names.ends, Slot::kEmbedding)->module);
  for (const auto prefix : names.prefixes) {
    if (!contains(std::string(prefix) + embedding + ".weight")) continue;
    prefix_ = prefix;
    return;
  }
}

std::optional<std::string> TensorSource::end_module(Slot slot) const {
  if (slot == Slot::kHead) {
    for (const auto head : names_.heads) {
      if (contains(std::string(head) + ".weight")) return std::string(head);
    }
    return std::string(names_.heads.front());
  }
  const SlotName* name = find(names_.ends, slot);
  if (name == nullptr) return std::nullopt;
  return prefix_ + std::string(name->module);
}

std::optional<std::string> TensorSource::layer_module(Slot slot, size_t layer) const {
  const SlotName* name = find(names_.layer, slot);
  if (name == nullptr) return std::nullopt;
  return prefix_ + std::string(names_.layers) + std::to_string(layer) + "." +
         std::string(name->module);
}

std::string TensorSource::layer_name(size_t layer) const {
  return prefix_ + std::string(names_.layers) + std::to_string(layer);
}

std::optional<size_t> TensorSource::layer_of(const std::string& tensor) const {
  const std::string list = prefix_ + std::string(names_.layers);
  if (!tensor.starts_with(list)) return std::nullopt;
  size_t layer = 0;
  const char* end = tensor.data() + tensor.size();
  const auto [stop, error] = std::from_chars(tensor.data() + list.size(), end, layer);
  return error == std::errc() && stop != end && *stop == '.' ? std::optional(layer) : std::nullopt;
}

bool TensorSource::is_buffer(std::string_view tensor) {
  return std::ranges::any_of(kBuffers, [&](std::string_view suffix) {
    if (!tensor.ends_with(suffix)) return false;
    const size_t before = tensor.size() - suffix.size();
    return before == 0 || tensor[before - 1] == '.';  // not "ln_attn.bias"
  });
}

bool TensorSource::is_optional(Slot slot) const {
  const SlotName* name = find(names_.layer, slot);
  if (name == nullptr) name = find(names_.ends, slot);
  return name == nullptr || name->optional;
}

at::Tensor TensorSource::take(const std::string& tensor) {
  at::Tensor found = take_if_present(tensor);
  if (!found.defined()) problems_.push_back("missing: " + tensor);
  return found;
}

at::Tensor TensorSource::take_if_present(const std::string& tensor) {
  if (!contains(tensor)) return {};
  read_.insert(tensor);
  return checkpoint_.tensor(tensor);
}

std::optional<PackedMatrix> TensorSource::take_packed(const std::string& tensor) {
  auto packed = checkpoint_.packed(tensor);
  if (packed) read_.insert(tensor);
  return packed;
}

void TensorSource::check() const {
  if (problems_.empty()) return;
  constexpr size_t kShown = 20;
  std::string list;
  for (size_t i = 0; i < std::min(problems_.size(), kShown); ++i) list += "\n  " + problems_[i];
  if (problems_.size() > kShown) {
    list += "\n  and " + std::to_string(problems_.size() - kShown) + " more";
  }
  throw ModelError(checkpoint_.path() +
                   ": the weights do not fit the model's configuration:" + list +
                   "\nThe files are incomplete or belong to another model; download it again");
}

std::vector<std::string> TensorSource::unused() const {
  std::vector<std::string> names;
  for (const auto& name : checkpoint_.names()) {
    if (!is_buffer(name) && !read_.contains(name)) names.push_back(name);
  }
  return names;
}

}  // namespace aieb::engine
