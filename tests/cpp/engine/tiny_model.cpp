#include "engine/tiny_model.h"

#include <fstream>
#include <random>
#include <vector>

#include <unistd.h>

#include "core/json.h"

namespace aieb::testing {
namespace {

constexpr int kHidden = 16;
constexpr int kInner = 24;
constexpr int kVocabulary = 32;

const Json kConfig = {{"model_type", "llama"},       {"hidden_size", kHidden},
                      {"intermediate_size", kInner}, {"num_hidden_layers", 2},
                      {"num_attention_heads", 4},    {"num_key_value_heads", 2},
                      {"vocab_size", kVocabulary},   {"max_position_embeddings", 32},
                      {"torch_dtype", "float32"},    {"eos_token_id", 2}};

void write_text(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

Json tokenizer() {
  Json words = {{"<pad>", 0}, {"<unk>", 1}, {"</s>", 2}};
  for (int i = 3; i < kVocabulary; ++i) words["w" + std::to_string(i)] = i;
  return {{"version", "1.0"},
          {"added_tokens", Json::array()},
          {"normalizer", nullptr},
          {"pre_tokenizer", {{"type", "WhitespaceSplit"}}},
          {"post_processor", nullptr},
          {"decoder", nullptr},
          {"model", {{"type", "WordLevel"}, {"vocab", words}, {"unk_token", "<unk>"}}}};
}

/// Collects float32 tensors and writes them as a safetensors file.
class SafetensorsWriter {
 public:
  explicit SafetensorsWriter(uint32_t seed) : random_(seed) {}

  void add(const std::string& name, int rows, int columns) {
    const int count = rows * (columns == 0 ? 1 : columns);
    const size_t begin = data_.size() * sizeof(float);
    std::normal_distribution<float> weights(columns == 0 ? 1.0F : 0.0F, columns == 0 ? 0.1F : 0.5F);
    for (int i = 0; i < count; ++i) data_.push_back(weights(random_));
    Json shape = {rows};
    if (columns != 0) shape.push_back(columns);
    header_[name] = {{"dtype", "F32"},
                     {"shape", shape},
                     {"data_offsets", {begin, data_.size() * sizeof(float)}}};
  }

  void write(const std::filesystem::path& path) const {
    std::string header = header_.dump();
    header.resize((header.size() + 7) / 8 * 8, ' ');
    const uint64_t length = header.size();
    std::ofstream file(path, std::ios::binary);
    file.write(reinterpret_cast<const char*>(&length), sizeof length);
    file << header;
    file.write(reinterpret_cast<const char*>(data_.data()),
               static_cast<std::streamsize>(data_.size() * sizeof(float)));
  }

 private:
  std::mt19937 random_;
  std::vector<float> data_;
  Json header_ = Json::object();
};

void write_weights(const std::filesystem::path& path, uint32_t seed) {
  SafetensorsWriter writer(seed);
  writer.add("model.embed_tokens.weight", kVocabulary, kHidden);
  writer.add("model.norm.weight", kHidden, 0);
  writer.add("lm_head.weight", kVocabulary, kHidden);
  for (int i = 0; i < 2; ++i) {
    const std::string layer = "model.layers." + std::to_string(i) + ".";
    writer.add(layer + "input_layernorm.weight", kHidden, 0);
    writer.add(layer + "post_attention_layernorm.weight", kHidden, 0);
    writer.add(layer + "self_attn.q_proj.weight", kHidden, kHidden);
    writer.add(layer + "self_attn.k_proj.weight", kHidden / 2, kHidden);
    writer.add(layer + "self_attn.v_proj.weight", kHidden / 2, kHidden);
    writer.add(layer + "self_attn.o_proj.weight", kHidden, kHidden);
    writer.add(layer + "mlp.gate_proj.weight", kInner, kHidden);
    writer.add(layer + "mlp.up_proj.weight", kInner, kHidden);
    writer.add(layer + "mlp.down_proj.weight", kHidden, kInner);
  }
  writer.write(path);
}

}  // namespace

TinyModel::TinyModel(uint32_t seed) {
  std::string pattern = (std::filesystem::temp_directory_path() / "aieb-tiny-XXXXXX").string();
  folder_ = ::mkdtemp(pattern.data());
  write_text(folder_ / "config.json", kConfig.dump());
  write_text(folder_ / "tokenizer.json", tokenizer().dump());
  write_weights(folder_ / "model.safetensors", seed);
}

TinyModel::~TinyModel() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void TinyModel::add_chat_template() const {
  write_text(folder_ / "chat_template.jinja",
             "{% for message in messages %}w3 {{ message.content }} w4 {% endfor %}");
}

}  // namespace aieb::testing
