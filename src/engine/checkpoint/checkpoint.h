#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "core/json.h"
#include "engine/quantise/packed_matrix.h"

namespace aieb::engine {

/// Where a checkpoint's tokenizer comes from: a folder with tokenizer.json and its companions, or
/// the metadata of a GGUF file.
struct TokenizerSource {
  std::string folder;                   ///< empty: use the metadata
  Json gguf_metadata = Json::object();  ///< every key of a GGUF file, e.g. tokenizer.ggml.tokens
};

/// What a stored tensor is, without reading it.
struct TensorInfo {
  at::ScalarType dtype = at::kFloat;  ///< the type `Checkpoint::tensor` returns
  std::vector<int64_t> shape;
  bool quantised = false;  ///< stored in blocks and dequantised when read
};

/// A model's stored weights under their Hugging Face names, with its configuration. Every file
/// format is one implementation; whoever reads weights sees no format.
class Checkpoint {
 public:
  virtual ~Checkpoint() = default;

  /// Hugging Face style config.json (made from metadata where the format has none).
  [[nodiscard]] const Json& config() const { return config_; }
  /// generation_config.json; an empty object when there is none.
  [[nodiscard]] const Json& generation_config() const { return generation_config_; }
  [[nodiscard]] const TokenizerSource& tokenizer() const { return tokenizer_; }
  /// The folder or file, for messages.
  [[nodiscard]] const std::string& path() const { return path_; }

  /// All tensor names, sorted.
  [[nodiscard]] virtual std::vector<std::string> names() const = 0;
  [[nodiscard]] virtual bool contains(const std::string& name) const = 0;
  /// Throws ModelError when there is no such tensor.
  [[nodiscard]] virtual TensorInfo info(const std::string& name) const = 0;
  /// Elements of the tensor, without reading it where the format allows.
  [[nodiscard]] virtual int64_t elements(const std::string& name) const;
  /// The tensor on the CPU in its stored type: a read-only view of the mapped file where the format
  /// allows, which keeps the mapping alive (checkpoint/tensor_copies.h copies it at the disk's
  /// speed). Throws ModelError when there is no such tensor.
  [[nodiscard]] virtual at::Tensor tensor(const std::string& name) const = 0;

  [[nodiscard]] virtual bool is_packed(const std::string& /*name*/) const { return false; }
  /// A matrix in its packed form, where the checkpoint has it in one that is computed with as it
  /// is. The same tensor is available dense.
  [[nodiscard]] virtual std::optional<PackedMatrix> packed(const std::string& /*name*/) const {
    return std::nullopt;
  }

 protected:
  explicit Checkpoint(std::string path) : path_(std::move(path)) {}

  std::string path_;
  Json config_ = Json::object();
  Json generation_config_ = Json::object();
  TokenizerSource tokenizer_;
};

/// Opens a folder in the Hugging Face layout (config.json, *.safetensors or pytorch_model*.bin) or
/// a .gguf file. Quantised matrices read as dense ones.
/// Reads headers only. Throws ModelError naming the file and the remedy.
std::unique_ptr<Checkpoint> open_checkpoint(const std::string& path);

}  // namespace aieb::engine
