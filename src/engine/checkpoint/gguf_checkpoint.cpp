#include "engine/checkpoint/gguf_checkpoint.h"

#include <map>

#include <ATen/ATen.h>

#include "core/error.h"
#include "engine/checkpoint/gguf.h"
#include "engine/checkpoint/gguf_names.h"

namespace aieb::engine {
namespace {

constexpr const char* kRopeFactors = "rope_freqs.weight";  // Llama 3's scaling, one factor a pair

class GgufCheckpoint : public Checkpoint {
 public:
  explicit GgufCheckpoint(const std::string& path) : Checkpoint(path), file_(path) {
    const std::string name = file_.metadata().value("general.architecture", "");
    architecture_ = find_gguf_architecture(name);
    if (architecture_ == nullptr) {
      throw ModelError(path + ": the GGUF architecture '" + name +
                       "' is not supported (supported: " + supported_gguf_architectures() +
                       "); use the model's safetensors files");
    }
    for (const auto& [stored, entry] : file_.entries()) {
      if (stored == kRopeFactors) continue;
      stored_name_.emplace(hugging_face_name(*architecture_, stored).value_or(stored), stored);
    }
    config_ = hugging_face_config(*architecture_, file_.metadata(),
                                  !stored_name_.contains("lm_head.weight"));
    config_["torch_dtype"] = natural_dtype();
    if (file_.entries().contains(kRopeFactors)) read_rope_factors();
    tokenizer_.gguf_metadata = file_.metadata();
  }

  [[nodiscard]] std::vector<std::string> names() const override {
    std::vector<std::string> names;
    for (const auto& [name, stored] : stored_name_) names.push_back(name);
    return names;
  }

  [[nodiscard]] bool contains(const std::string& name) const override {
    return stored_name_.contains(name);
  }

  [[nodiscard]] TensorInfo info(const std::string& name) const override {
    const auto& entry = file_.entries().at(stored(name));
    return {entry.type->plain, entry.shape, entry.type->decode != nullptr};
  }

  [[nodiscard]] at::Tensor tensor(const std::string& name) const override {
    at::Tensor tensor = file_.tensor(stored(name));
    if (architecture_->permuted_qk) tensor = undo_permutation(name, tensor);
    if (architecture_->norm_offset != 0 && name.find("norm") != std::string::npos) {
      tensor = tensor - architecture_->norm_offset;
    }
    return tensor;
  }

 private:
  [[nodiscard]] const std::string& stored(const std::string& name) const {
    const auto found = stored_name_.find(name);
    if (found == stored_name_.end()) throw ModelError(path_ + ": no tensor '" + name + "'");
    return found->second;
  }

  /// The type to compute in: that of the matrices where they are plain. Quantised blocks hold at
  /// most 8 significant bits an element, as bfloat16 does, and most were made from bfloat16
  /// weights.
  [[nodiscard]] std::string natural_dtype() const {
    for (const auto& [name, entry] : file_.entries()) {
      if (entry.shape.size() < 2) continue;
      if (entry.type->decode != nullptr || entry.type->plain == at::kBFloat16) return "bfloat16";
      return entry.type->plain == at::kHalf ? "float16" : "float32";
    }
    return "float32";
  }

  /// The converter turned each head's rows (half 0, half 1) into interleaved pairs.
  [[nodiscard]] at::Tensor undo_permutation(const std::string& name, const at::Tensor& rows) const {
    const bool query = name.find("self_attn.q_proj") != std::string::npos;
    if (!query && name.find("self_attn.k_proj") == std::string::npos) return rows;
    const auto heads =
        config_.at(query ? "num_attention_heads" : "num_key_value_heads").get<int64_t>();
    std::vector<int64_t> pairs = {heads, rows.size(0) / heads / 2, 2};
    pairs.insert(pairs.end(), rows.sizes().begin() + 1, rows.sizes().end());
    return rows.reshape(pairs).transpose(1, 2).reshape(rows.sizes());
  }

  /// Written as fixed "longrope" factors: the same numbers below and above the original length.
  void read_rope_factors() {
    const at::Tensor tensor = file_.tensor(kRopeFactors).to(at::kFloat).contiguous();
    const std::vector<float> factors(tensor.data_ptr<float>(),
                                     tensor.data_ptr<float>() + tensor.numel());
    config_["rope_scaling"] = {{"rope_type", "longrope"},
                               {"short_factor", factors},
                               {"long_factor", factors},
                               {"attention_factor", 1.0}};
  }

  GgufFile file_;
  const GgufArchitecture* architecture_ = nullptr;
  std::map<std::string, std::string> stored_name_;
};

}  // namespace

std::unique_ptr<Checkpoint> open_gguf(const std::string& path) {
  return std::make_unique<GgufCheckpoint>(path);
}

}  // namespace aieb::engine
