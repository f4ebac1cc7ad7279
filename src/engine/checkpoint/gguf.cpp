#include "engine/checkpoint/gguf.h"

#include <cstring>
#include <limits>

#include <ATen/ATen.h>

#include "core/error.h"

namespace aieb::engine {
namespace {

constexpr uint32_t kMagic = 0x46554747;  // "GGUF"
constexpr size_t kDefaultAlignment = 32;
constexpr uint32_t kMaxDimensions = 4;  // GGML_MAX_DIMS

// Value types of gguf_metadata_value_type.
enum ValueType : uint32_t {
  kU8,
  kI8,
  kU16,
  kI16,
  kU32,
  kI32,
  kF32,
  kBool,
  kString,
  kArray,
  kU64,
  kI64,
  kF64,
};

}  // namespace

/// Bounds-checked cursor over the header.
class GgufFile::Reader {
 public:
  explicit Reader(const GgufFile& owner) : owner_(owner), file_(*owner.file_) {}

  [[nodiscard]] size_t position() const { return position_; }

  template <typename T>
  T number() {
    T value{};
    std::memcpy(&value, take(sizeof value), sizeof value);
    return value;
  }

  std::string string() {
    const auto length = number<uint64_t>();
    const auto* text = reinterpret_cast<const char*>(take(length));
    return {text, length};
  }

  Json value(uint32_t type) {
    switch (type) {
      case kU8:
        return number<uint8_t>();
      case kI8:
        return number<int8_t>();
      case kU16:
        return number<uint16_t>();
      case kI16:
        return number<int16_t>();
      case kU32:
        return number<uint32_t>();
      case kI32:
        return number<int32_t>();
      case kF32:
        return number<float>();
      case kBool:
        return number<uint8_t>() != 0;
      case kString:
        return string();
      case kArray:
        return array();
      case kU64:
        return number<uint64_t>();
      case kI64:
        return number<int64_t>();
      case kF64:
        return number<double>();
      default:
        owner_.fail("metadata of the unknown type " + std::to_string(type));
    }
  }

 private:
  Json array() {
    const auto type = number<uint32_t>();
    const auto count = number<uint64_t>();
    if (type == kArray) owner_.fail("nested arrays in the metadata");
    if (count > file_.size()) owner_.fail("an array longer than the file");
    Json values = Json::array();
    for (uint64_t i = 0; i < count; ++i) values.push_back(value(type));
    return values;
  }

  const std::byte* take(uint64_t bytes) {
    if (bytes > file_.size() - position_) owner_.fail("truncated inside the header");
    const std::byte* start = file_.data() + position_;
    position_ += bytes;
    return start;
  }

  const GgufFile& owner_;
  const MappedFile& file_;
  size_t position_ = 0;
};

GgufFile::GgufFile(const std::string& path) : file_(MappedFile::open(path)) {
  Reader reader(*this);
  read_header(reader);
}

void GgufFile::fail(const std::string& what) const {
  throw ModelError(file_->path() + ": " + what +
                   "; the file is damaged or incomplete: delete it and download the model again");
}

void GgufFile::read_header(Reader& reader) {
  if (file_->size() < 24 || reader.number<uint32_t>() != kMagic) fail("not a GGUF file");
  const auto version = reader.number<uint32_t>();
  if (version != 2 && version != 3) {
    throw ModelError(file_->path() + ": GGUF version " + std::to_string(version) +
                     " is not supported (2 and 3 are); convert the model with a current llama.cpp");
  }
  const auto tensors = reader.number<uint64_t>();
  const auto pairs = reader.number<uint64_t>();
  for (uint64_t i = 0; i < pairs; ++i) {
    std::string key = reader.string();
    const auto type = reader.number<uint32_t>();
    metadata_[std::move(key)] = reader.value(type);
  }
  for (uint64_t i = 0; i < tensors; ++i) read_entry(reader);
  const size_t alignment = metadata_.value("general.alignment", kDefaultAlignment);
  if (alignment == 0 || alignment % 8 != 0) fail("an alignment that is not a multiple of 8");
  place_entries((reader.position() + alignment - 1) / alignment * alignment);
}

void GgufFile::read_entry(Reader& reader) {
  std::string name = reader.string();
  Entry entry;
  const auto dimensions = reader.number<uint32_t>();
  if (dimensions > kMaxDimensions) fail("tensor '" + name + "' has too many dimensions");
  entry.shape.resize(dimensions);
  for (auto size = entry.shape.rbegin(); size != entry.shape.rend(); ++size) {
    *size = reader.number<int64_t>();
  }
  const auto type = reader.number<uint32_t>();
  entry.type = find_gguf_type(type);
  if (entry.type == nullptr) {
    throw ModelError(file_->path() + ": tensor '" + name + "' has the ggml type " +
                     std::to_string(type) + ", which is not supported (supported: " +
                     supported_gguf_types() + "); choose another quantisation of the model");
  }
  entry.offset = reader.number<uint64_t>();
  if (!entries_.emplace(name, std::move(entry)).second)
    fail("tensor '" + name + "' is listed twice");
}

void GgufFile::place_entries(size_t data_start) {
  for (auto& [name, entry] : entries_) {
    int64_t elements = 1;
    for (const int64_t size : entry.shape) {
      if (size < 0 || __builtin_mul_overflow(elements, size, &elements)) {
        fail("tensor '" + name + "' has an impossible shape");
      }
    }
    const int64_t row = entry.shape.empty() ? 1 : entry.shape.back();
    if (row % entry.type->block_elements != 0) {
      fail("tensor '" + name + "' has rows that are not whole blocks");
    }
    size_t bytes = 0;
    const auto blocks = static_cast<size_t>(elements / entry.type->block_elements);
    if (__builtin_mul_overflow(blocks, entry.type->block_bytes, &bytes) ||
        __builtin_add_overflow(entry.offset, data_start, &entry.offset) ||
        entry.offset > file_->size() || bytes > file_->size() - entry.offset) {
      fail("tensor '" + name + "' lies outside the file (truncated?)");
    }
  }
}

at::Tensor GgufFile::tensor(const std::string& name) const {
  const Entry& entry = entries_.at(name);
  const auto* data = reinterpret_cast<const uint8_t*>(file_->data()) + entry.offset;
  if (entry.type->decode == nullptr) {
    return at::from_blob(
        const_cast<uint8_t*>(data), entry.shape, [file = file_](void*) {},
        at::TensorOptions().dtype(entry.type->plain));
  }
  at::Tensor out = at::empty(entry.shape, at::kFloat);
  decode_blocks(*entry.type, data, out.numel(), out.data_ptr<float>());
  return out;
}

}  // namespace aieb::engine
