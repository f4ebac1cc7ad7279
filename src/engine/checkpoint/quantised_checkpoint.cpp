#include "engine/checkpoint/quantised_checkpoint.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include <ATen/ATen.h>

#include "core/error.h"
#include "engine/checkpoint/quantised_formats.h"
#include "engine/checkpoint/tensor_copies.h"

namespace aieb::engine {
namespace {

/// One stored matrix: the tensors "<module>.<suffix>" of a checkpoint, and the method's settings.
struct Stored {
  const Checkpoint& files;
  std::string module;
  const Json& settings;

  [[nodiscard]] bool has(std::string_view suffix) const { return files.contains(name(suffix)); }
  [[nodiscard]] at::Tensor operator[](std::string_view suffix) const {
    at::Tensor stored = files.tensor(name(suffix));
    prefetch(stored);
    return stored;
  }
  [[nodiscard]] std::string name(std::string_view suffix) const {
    return module + "." + std::string(suffix);
  }
  [[nodiscard]] int64_t setting(const char* key, int64_t fallback) const {
    const auto found = settings.find(key);
    return found != settings.end() && found->is_number() ? found->get<int64_t>() : fallback;
  }
};

at::Tensor gptq(const Stored& s) {
  const int64_t bits = s.setting("bits", 4);
  const at::Tensor codes = s["qweight"];
  const int64_t in = codes.size(0) * 32 / bits;
  int64_t group = s.setting("group_size", in);
  if (group <= 0) group = in;
  const at::Tensor groups =
      s.has("g_idx") ? s["g_idx"] : at::arange(in, at::kLong).div(group, "floor");
  const bool counts_from_zero = s.settings.value("checkpoint_format", "gptq") == "gptq_v2";
  return decode_gptq(codes, s["qzeros"], s["scales"], groups, bits, counts_from_zero ? 0 : 1);
}

at::Tensor awq(const Stored& s) {
  TORCH_CHECK(s.setting("bits", 4) == 4, "AWQ with other than 4 bits is not supported");
  const auto version = s.settings.value("version", "gemm");
  TORCH_CHECK(version == "gemm" || version == "GEMM", "AWQ's layout '", version,
              "' is not supported");
  return decode_awq(s["qweight"], s["qzeros"], s["scales"]);
}

at::Tensor scaled(const Stored& s) {
  const auto block = s.settings.value("weight_block_size", Json::array({128, 128}));
  const auto side = [&block](size_t i) {
    return block.is_array() && block.size() == 2 ? block[i].get<int64_t>() : int64_t{128};
  };
  const at::Tensor scale = s.has("weight_scale_inv") ? s["weight_scale_inv"] : s["weight_scale"];
  return decode_scaled(s["weight"], scale, side(0), side(1));
}

at::Tensor packed_rows(const Stored& s) {
  const at::Tensor codes = s["weight_packed"];
  const at::Tensor shape = s["weight_shape"].to(at::kLong);
  const int64_t in = shape[1].item<int64_t>();
  const int64_t bits = codes.size(1) * 32 / in;
  TORCH_CHECK(bits == 4 || bits == 8, "codes of ", bits, " bits are not supported");
  TORCH_CHECK(!s.has("weight_g_idx"), "reordered groups are not supported");
  at::Tensor zeros;
  if (s.has("weight_zero_point")) {
    zeros = unpack_words(s["weight_zero_point"].t(), bits).t() - (int64_t{1} << (bits - 1));
    zeros = zeros.narrow(0, 0, codes.size(0));
  }
  return decode_packed_rows(codes, s["weight_scale"], zeros, in, bits);
}

constexpr std::array kFourBitStates = {"weight.quant_state.bitsandbytes__nf4",
                                       "weight.quant_state.bitsandbytes__fp4"};

/// What bitsandbytes writes beside four-bit codes: JSON as bytes.
Json four_bit_state(const Stored& s) {
  for (const char* name : kFourBitStates) {
    if (!s.has(name)) continue;
    const at::Tensor text = s[name].contiguous();
    const auto* begin = reinterpret_cast<const char*>(text.const_data_ptr<uint8_t>());
    return Json::parse(begin, begin + text.numel());
  }
  TORCH_CHECK(false, "its quant_state is missing");
}

PackedMatrix bitsandbytes(const Stored& s) {
  PackedMatrix packed;
  packed.codes = s["weight"].contiguous();
  if (s.has("SCB")) {
    packed.rows = packed.codes.size(0);
    packed.cols = packed.codes.size(1);
    packed.scales = s["SCB"].to(at::kFloat) / 127;
    return packed;
  }
  const Json state = four_bit_state(s);
  packed.codes = packed.codes.view(at::kByte).reshape({-1});
  packed.rows = state.at("shape").at(0).get<int64_t>();
  packed.cols = state.at("shape").at(1).get<int64_t>();
  TORCH_CHECK(packed.codes.numel() * 2 >= packed.rows * packed.cols, "it has too few codes");
  packed.block = state.at("blocksize").get<int64_t>();
  packed.levels = s["weight.quant_map"].to(at::kFloat);
  if (!s.has("weight.nested_absmax")) {
    packed.scales = s["weight.absmax"].to(at::kFloat);
    return packed;
  }
  packed.scale_codes = s["weight.absmax"];
  packed.scales = s["weight.nested_absmax"].to(at::kFloat);
  packed.scale_levels = s["weight.nested_quant_map"].to(at::kFloat);
  packed.scale_offset = state.at("nested_offset").get<double>();
  packed.run = state.at("nested_blocksize").get<int64_t>();
  return packed;
}

/// Elements of matrices whose codes lie in words of 32 bits.
int64_t elements_in_words(const Stored& s) {
  constexpr int64_t kWord = 32;
  return s.files.elements(s.name("qweight")) * kWord / s.setting("bits", 4);
}

int64_t elements_as_stored(const Stored& s) { return s.files.elements(s.name("weight")); }

int64_t elements_of_shape(const Stored& s) {
  return s["weight_shape"].to(at::kLong).prod().item<int64_t>();
}

int64_t elements_of_packed(const Stored& s) {
  const PackedMatrix packed = bitsandbytes(s);
  return packed.rows * packed.cols;
}

/// One layout of a matrix in files.
struct Format {
  std::string_view codes;    ///< suffix of the tensor that stands for the matrix
  std::string_view witness;  ///< a suffix that must exist beside it
  at::Tensor (*decode)(const Stored&) = nullptr;
  PackedMatrix (*packed)(const Stored&) = nullptr;  ///< instead of decode
  int64_t (*elements)(const Stored&) = nullptr;     ///< of the matrix, from headers and shapes
};

constexpr std::array kGptq = {Format{"qweight", "qzeros", gptq, nullptr, elements_in_words}};
constexpr std::array kAwq = {Format{"qweight", "qzeros", awq, nullptr, elements_in_words}};
constexpr std::array kScaled = {
    Format{"weight", "weight_scale_inv", scaled, nullptr, elements_as_stored},
    Format{"weight", "weight_scale", scaled, nullptr, elements_as_stored}};
constexpr std::array kCompressed = {
    Format{"weight_packed", "weight_shape", packed_rows, nullptr, elements_of_shape},
    Format{"weight", "weight_scale", scaled, nullptr, elements_as_stored}};
constexpr std::array kBitsandbytes = {
    Format{"weight", "weight.absmax", nullptr, bitsandbytes, elements_of_packed},
    Format{"weight", "SCB", nullptr, bitsandbytes, elements_of_packed}};

struct Method {
  const char* name;
  std::span<const Format> formats;
};
constexpr std::array kMethods = {
    Method{"gptq", kGptq},
    Method{"awq", kAwq},
    Method{"fp8", kScaled},
    Method{"fbgemm_fp8", kScaled},
    Method{"compressed-tensors", kCompressed},
    Method{"bitsandbytes", kBitsandbytes},
    Method{"mxfp4", {}},  // gpt-oss: experts only, decoded where they are stacked
};

/// What lies beside codes: part of a matrix, or of its activations' quantisation.
constexpr std::array<std::string_view, 20> kCompanions = {".qzeros",
                                                          ".scales",
                                                          ".g_idx",
                                                          ".weight_scale_inv",
                                                          ".weight_scale",
                                                          ".input_scale",
                                                          ".output_scale",
                                                          ".activation_scale",
                                                          ".input_scale_ub",
                                                          ".k_scale",
                                                          ".v_scale",
                                                          ".weight_zero_point",
                                                          ".weight_shape",
                                                          ".SCB",
                                                          ".weight_format",
                                                          ".weight.absmax",
                                                          ".weight.quant_map",
                                                          ".weight.nested_absmax",
                                                          ".weight.nested_quant_map",
                                                          ".weight_g_idx"};

bool is_companion(const std::string& name) {
  return name.find(".quant_state.bitsandbytes__") != std::string::npos ||
         std::ranges::any_of(kCompanions, [&](std::string_view s) { return name.ends_with(s); });
}

class QuantisedCheckpoint : public Checkpoint {
  /// What does not fit the format is the file's fault.
  template <class Decode>
  auto guarded(const std::string& name, const Decode& decode) const {
    const auto fail = [&](const std::string& what) -> ModelError {
      return ModelError(path_ + ": the quantised matrix '" + name + "' cannot be decoded: " + what +
                        "; download the model again, or use its unquantised version");
    };
    try {
      return decode();
    } catch (const c10::Error& error) {
      throw fail(error.what_without_backtrace());
    } catch (const Json::exception& error) {
      throw fail(error.what());
    }
  }

 public:
  QuantisedCheckpoint(std::unique_ptr<Checkpoint> files, std::span<const Format> formats,
                      Json settings)
      : Checkpoint(files->path()), files_(std::move(files)), settings_(std::move(settings)) {
    config_ = files_->config();
    generation_config_ = files_->generation_config();
    tokenizer_ = files_->tokenizer();
    for (const auto& name : files_->names()) {
      if (is_companion(name)) continue;
      const auto [plain, format] = find_format(name, formats);
      entries_.emplace(plain, Entry{name, format});
    }
  }

  [[nodiscard]] std::vector<std::string> names() const override {
    std::vector<std::string> names;
    for (const auto& [name, entry] : entries_) names.push_back(name);
    return names;
  }

  [[nodiscard]] bool contains(const std::string& name) const override {
    return entries_.contains(name);
  }

  [[nodiscard]] TensorInfo info(const std::string& name) const override {
    const Entry& entry = at(name);
    if (entry.format == nullptr) return files_->info(entry.stored);
    return {at::kFloat, tensor(name).sizes().vec(), true};
  }

  [[nodiscard]] int64_t elements(const std::string& name) const override {
    const Entry& entry = at(name);
    if (entry.format == nullptr) return files_->elements(entry.stored);
    return guarded(name, [&] { return entry.format->elements(stored_at(entry)); });
  }

  [[nodiscard]] at::Tensor tensor(const std::string& name) const override {
    const Entry& entry = at(name);
    if (entry.format == nullptr) return files_->tensor(entry.stored);
    return guarded(name, [&] {
      const Stored stored = stored_at(entry);
      return entry.format->decode != nullptr
                 ? entry.format->decode(stored)
                 : unpack(entry.format->packed(stored), at::kFloat, at::kFloat);
    });
  }

  [[nodiscard]] bool is_packed(const std::string& name) const override {
    const auto found = entries_.find(name);
    return found != entries_.end() && found->second.format != nullptr &&
           found->second.format->packed != nullptr;
  }

  [[nodiscard]] std::optional<PackedMatrix> packed(const std::string& name) const override {
    if (!is_packed(name)) return std::nullopt;
    const Entry& entry = at(name);
    return guarded(name, [&] { return entry.format->packed(stored_at(entry)); });
  }

 private:
  struct Entry {
    std::string stored;
    const Format* format = nullptr;  ///< null: a plain tensor
  };

  [[nodiscard]] std::pair<std::string, const Format*> find_format(
      const std::string& name, std::span<const Format> formats) const {
    for (const auto& format : formats) {
      const std::string suffix = "." + std::string(format.codes);
      if (!name.ends_with(suffix)) continue;
      const std::string module = name.substr(0, name.size() - suffix.size());
      if (files_->contains(module + "." + std::string(format.witness))) {
        return {module + ".weight", &format};
      }
    }
    return {name, nullptr};
  }

  [[nodiscard]] const Entry& at(const std::string& name) const {
    const auto found = entries_.find(name);
    if (found == entries_.end()) throw ModelError(path_ + ": no tensor '" + name + "'");
    return found->second;
  }

  [[nodiscard]] Stored stored_at(const Entry& entry) const {
    const size_t suffix = entry.format->codes.size() + 1;
    return {*files_, entry.stored.substr(0, entry.stored.size() - suffix), settings_};
  }

  std::unique_ptr<Checkpoint> files_;
  Json settings_;
  std::map<std::string, Entry> entries_;
};

const Json* find_settings(const Json& config) {
  for (const Json* place :
       {&config, config.contains("text_config") ? &config["text_config"] : nullptr}) {
    if (place == nullptr || !place->is_object()) continue;
    for (const char* key : {"quantization_config", "compression_config"}) {
      const auto found = place->find(key);
      if (found != place->end() && found->is_object()) return &*found;
    }
  }
  return nullptr;
}

}  // namespace

std::unique_ptr<Checkpoint> decode_quantised(std::unique_ptr<Checkpoint> checkpoint) {
  const Json* settings = find_settings(checkpoint->config());
  if (settings == nullptr) return checkpoint;
  const auto name = settings->value("quant_method", "");
  std::string known;
  for (const auto& method : kMethods) {
    if (name == method.name) {
      if (method.formats.empty()) return checkpoint;
      Json copy = *settings;
      return std::make_unique<QuantisedCheckpoint>(std::move(checkpoint), method.formats,
                                                   std::move(copy));
    }
    known += std::string(known.empty() ? "" : ", ") + method.name;
  }
  throw ModelError(checkpoint->path() + ": weights quantised with '" + name +
                   "' are not supported by the native engine (supported: " + known +
                   "); use the unquantised model, or run it with backend.engine: transformers");
}

}  // namespace aieb::engine
