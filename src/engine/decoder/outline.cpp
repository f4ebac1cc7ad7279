#include "engine/decoder/outline.h"

#include <algorithm>
#include <array>
#include <set>

#include "engine/decoder/tensor_source.h"

namespace aieb::engine {
namespace {

/// Slots of a layer that are packed by load_in_8bit and load_in_4bit.
constexpr std::array kPackedSlots = {
    Slot::kQuery,      Slot::kKey,          Slot::kValue,  Slot::kQkv,        Slot::kOutput,
    Slot::kQueryDown,  Slot::kQueryUp,      Slot::kKvDown, Slot::kKvUp,       Slot::kGate,
    Slot::kUp,         Slot::kGateUp,       Slot::kDown,   Slot::kSharedGate, Slot::kSharedUp,
    Slot::kSharedDown, Slot::kSharedRouter,
};

constexpr std::array kEnds = {Slot::kEmbedding, Slot::kPositions, Slot::kEmbeddingNorm,
                              Slot::kProjectIn, Slot::kFinalNorm, Slot::kProjectOut,
                              Slot::kHead};

/// Bytes of a matrix as `pack` makes it.
int64_t packed_bytes(int64_t elements, int64_t rows, const Quantisation& how) {
  constexpr int64_t kBlock = 64;
  constexpr int64_t kRun = 256;
  constexpr int64_t kLevels = 16;
  constexpr int64_t kScaleLevels = 256;
  constexpr int64_t kFloat = 4;
  if (!how.four_bits) return elements + rows * kFloat;
  const auto parts = [](int64_t count, int64_t size) { return (count + size - 1) / size; };
  const int64_t blocks = parts(elements, kBlock);
  const int64_t codes = parts(elements, 2) + kLevels * kFloat;
  if (!how.double_quantisation) return codes + blocks * kFloat;
  return codes + blocks + (parts(blocks, kRun) + kScaleLevels) * kFloat;
}

class Measure {
 public:
  Measure(const Checkpoint& checkpoint, const ModelSpec& spec, at::ScalarType dtype,
          const std::optional<Quantisation>& quantisation)
      : checkpoint_(checkpoint),
        source_(checkpoint, *spec.names),
        spec_(spec),
        dtype_(dtype),
        quantisation_(quantisation) {}

  Outline run() {
    for (const Slot slot : kEnds) add_end(slot);
    for (size_t i = 0; i < spec_.layers.size(); ++i) {
      out_.layers.push_back({named(source_.layer_name(i)), 0});
      for (const SlotName& name : spec_.names->layer) note_packed(name.slot, i);
    }
    for (const std::string& name : checkpoint_.names()) {
      const auto layer = source_.layer_of(name);
      if (!layer || *layer >= out_.layers.size() || TensorSource::is_buffer(name)) continue;
      out_.layers[*layer].bytes += bytes_of(name);
    }
    out_.parameters = parameters_;
    return std::move(out_);
  }

 private:
  void add_end(Slot slot) {
    const auto module = source_.end_module(slot);
    if (!module) return;
    const bool tied = slot == Slot::kHead && spec_.tied_head;
    const std::string weight = *module + ".weight";
    if (!tied && !source_.contains(weight)) return;
    OutlinePart part{named(*module), 0};
    if (!tied) part.bytes = bytes_of(weight);
    if (source_.contains(*module + ".bias")) part.bytes += bytes_of(*module + ".bias");
    if (tied) {
      out_.tied.push_back(
          {part.module + ".weight", out_.ends.at(Slot::kEmbedding).module + ".weight"});
    }
    out_.ends[slot] = std::move(part);
  }

  /// The name under which Hugging Face's class has a module; some files leave the prefix out.
  [[nodiscard]] std::string named(const std::string& module) const {
    const auto& heads = spec_.names->heads;
    if (!source_.prefix().empty() || std::ranges::find(heads, module) != heads.end()) {
      return module;
    }
    return std::string(spec_.names->prefixes.front()) + module;
  }

  void note_packed(Slot slot, size_t layer) {
    if (!quantisation_ || std::ranges::find(kPackedSlots, slot) == kPackedSlots.end()) return;
    packed_.insert(*source_.layer_module(slot, layer) + ".weight");
  }

  int64_t bytes_of(const std::string& name) {
    if (checkpoint_.is_packed(name)) {
      const auto packed = checkpoint_.packed(name);
      parameters_ += packed->rows * packed->cols;
      return packed->bytes();
    }
    const int64_t elements = elements_of(name);
    parameters_ += elements;
    if (!packed_.contains(name)) return elements * c10::elementSize(dtype_);
    const auto shape = checkpoint_.info(name).shape;
    return packed_bytes(elements, spec_.names->transposed ? shape.back() : shape.front(),
                        *quantisation_);
  }

  /// Elements of a tensor once it is decoded.
  [[nodiscard]] int64_t elements_of(const std::string& name) const {
    if (name.ends_with("_scales") &&
        source_.contains(name.substr(0, name.size() - 7) + "_blocks")) {
      return 0;  // part of an MXFP4 matrix
    }
    const int64_t count = checkpoint_.elements(name);
    return name.ends_with("_blocks") ? 2 * count : count;
  }

  const Checkpoint& checkpoint_;
  TensorSource source_;
  const ModelSpec& spec_;
  at::ScalarType dtype_;
  const std::optional<Quantisation>& quantisation_;
  std::set<std::string> packed_;
  int64_t parameters_ = 0;
  Outline out_;
};

/// The part of that name, with all its parents.
ModelPart& grow(ModelPart& root, const std::string& module) {
  ModelPart* at = &root;
  for (size_t begin = 0; begin < module.size();) {
    const size_t dot = std::min(module.find('.', begin), module.size());
    const std::string name = module.substr(begin, dot - begin);
    auto child = std::ranges::find(at->children, name, &ModelPart::name);
    if (child == at->children.end()) {
      at->children.push_back({name, false, {}, {}});
      child = at->children.end() - 1;
    }
    at = &*child;
    begin = dot + 1;
  }
  return *at;
}

}  // namespace

int64_t Outline::bytes() const {
  int64_t sum = 0;
  for (const auto& [slot, part] : ends) sum += part.bytes;
  for (const OutlinePart& part : layers) sum += part.bytes;
  return sum;
}

ModelPart Outline::tree(const ModelSpec& spec) const {
  ModelPart root;
  const auto add_end = [&](Slot slot) {
    const auto found = ends.find(slot);
    if (found == ends.end()) return;
    const bool tied_head = slot == Slot::kHead && !tied.empty();
    const int64_t bytes = tied_head ? ends.at(Slot::kEmbedding).bytes : found->second.bytes;
    grow(root, found->second.module).tensors.push_back({"weight", bytes, false});
  };
  for (const Slot slot :
       {Slot::kEmbedding, Slot::kPositions, Slot::kEmbeddingNorm, Slot::kProjectIn}) {
    add_end(slot);
  }
  for (const OutlinePart& layer : layers) {
    ModelPart& part = grow(root, layer.module);
    part.whole = true;
    part.tensors.push_back({"weights", layer.bytes, false});
  }
  add_end(Slot::kFinalNorm);
  if (!spec.ropes.empty() && !layers.empty()) {
    // The rotary frequencies, which transformers holds twice, in float32.
    const std::string& first = layers.front().module;
    const std::string list = first.substr(0, first.rfind('.'));
    const size_t dot = list.rfind('.');
    const std::string parent = dot == std::string::npos ? "" : list.substr(0, dot + 1);
    const int64_t bytes = spec.ropes.front().rotary_dim / 2 * 4;
    ModelPart& rotary = grow(root, parent + "rotary_emb");
    rotary.tensors = {{"inv_freq", bytes, true}, {"original_inv_freq", bytes, true}};
  }
  add_end(Slot::kProjectOut);
  add_end(Slot::kHead);
  return root;
}

Outline outline_of(const Checkpoint& checkpoint, const ModelSpec& spec, at::ScalarType dtype,
                   const std::optional<Quantisation>& quantisation) {
  return Measure(checkpoint, spec, dtype, quantisation).run();
}

}  // namespace aieb::engine
