#include "engine/checkpoint/safetensors.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <set>
#include <utility>

#include <ATen/ATen.h>

#include "core/error.h"

namespace aieb::engine {
namespace {

constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // the limit of the reference implementation

struct DtypeName {
  const char* name;
  at::ScalarType type;
};
constexpr std::array kDtypes = {
    DtypeName{"F32", at::kFloat},
    DtypeName{"BF16", at::kBFloat16},
    DtypeName{"F16", at::kHalf},
    DtypeName{"F64", at::kDouble},
    DtypeName{"I64", at::kLong},
    DtypeName{"I32", at::kInt},
    DtypeName{"I16", at::kShort},
    DtypeName{"I8", at::kChar},
    DtypeName{"U8", at::kByte},
    DtypeName{"BOOL", at::kBool},
    DtypeName{"F8_E4M3", at::kFloat8_e4m3fn},
    DtypeName{"F8_E5M2", at::kFloat8_e5m2},
    DtypeName{"F8_E8M0", at::kFloat8_e8m0fnu},
};

/// Parses the header; a name given twice is an error (plain parsing would keep the last one).
Json parse_unique(std::string_view text) {
  std::set<std::string> seen;
  std::string twice;
  const auto check = [&](int depth, nlohmann::detail::parse_event_t event, Json& value) {
    if (event == nlohmann::detail::parse_event_t::key && depth == 1 &&
        !seen.insert(value.get<std::string>()).second) {
      twice = value.get<std::string>();
    }
    return true;
  };
  Json json = Json::parse(text, check);
  if (!twice.empty()) throw std::invalid_argument("tensor '" + twice + "' is listed twice");
  return json;
}

/// Number of bytes of a tensor, or nothing when the product overflows or a size is negative.
std::optional<size_t> byte_size(const std::vector<int64_t>& shape, size_t item) {
  size_t bytes = item;
  for (const int64_t size : shape) {
    if (size < 0 || __builtin_mul_overflow(bytes, static_cast<size_t>(size), &bytes)) return {};
  }
  return bytes;
}

}  // namespace

SafetensorsFile::SafetensorsFile(const std::string& path) : file_(MappedFile::open(path)) {
  static_assert(std::endian::native == std::endian::little, "the format is little-endian");
  try {
    read_header();
  } catch (const std::exception& error) {
    if (dynamic_cast<const Error*>(&error) != nullptr) throw;
    fail(std::string("the header is not valid: ") + error.what());
  }
}

void SafetensorsFile::fail(const std::string& what) const {
  throw ModelError(file_->path() + ": " + what +
                   "; the file is damaged or incomplete: delete it and download the model again");
}

void SafetensorsFile::read_header() {
  uint64_t length = 0;
  if (file_->size() < sizeof length) fail("too short for a safetensors file");
  std::memcpy(&length, file_->data(), sizeof length);
  if (length > kMaxHeaderBytes) fail("not a safetensors file (header length out of range)");
  const size_t data_start = sizeof length + length;
  if (data_start > file_->size()) fail("truncated inside the header");
  const auto* text = reinterpret_cast<const char*>(file_->data()) + sizeof length;
  if (length == 0 || *text != '{') fail("the header does not begin with '{'");
  const Json header = parse_unique({text, length});
  for (const auto& [name, value] : header.items()) {
    if (name != "__metadata__") add(name, value, data_start);
  }
  check_coverage(data_start);
}

void SafetensorsFile::add(const std::string& name, const Json& value, size_t data_start) {
  Entry entry;
  const auto dtype = value.at("dtype").get<std::string>();
  const auto* known =
      std::ranges::find(kDtypes, dtype, [](const auto& d) { return std::string(d.name); });
  if (known == kDtypes.end()) fail("tensor '" + name + "' has the unknown type " + dtype);
  entry.dtype = known->type;
  entry.shape = value.at("shape").get<std::vector<int64_t>>();
  const auto& offsets = value.at("data_offsets");
  const auto begin = offsets.at(0).get<uint64_t>();
  const auto end = offsets.at(1).get<uint64_t>();
  if (begin > end || end > file_->size() - data_start) {
    fail("tensor '" + name + "' lies outside the file (truncated?)");
  }
  if (byte_size(entry.shape, c10::elementSize(entry.dtype)) != end - begin) {
    fail("tensor '" + name + "' has a size that does not fit its shape and type");
  }
  entry.begin = data_start + begin;
  entry.end = data_start + end;
  entries_.emplace(name, std::move(entry));
}

void SafetensorsFile::check_coverage(size_t data_start) const {
  std::vector<std::pair<size_t, size_t>> ranges;
  ranges.reserve(entries_.size());
  for (const auto& [name, entry] : entries_) ranges.emplace_back(entry.begin, entry.end);
  std::ranges::sort(ranges);
  size_t position = data_start;
  for (const auto& [begin, end] : ranges) {
    if (begin != position) fail("its tensors overlap or leave a hole");
    position = end;
  }
  if (position != file_->size()) fail("its size does not match its header");
}

std::vector<std::string> SafetensorsFile::names() const {
  std::vector<std::string> names;
  for (const auto& [name, entry] : entries_) names.push_back(name);
  return names;
}

TensorInfo SafetensorsFile::info(const std::string& name) const {
  const Entry& entry = entries_.at(name);
  return {entry.dtype, entry.shape, false};
}

at::Tensor SafetensorsFile::tensor(const std::string& name) const {
  const Entry& entry = entries_.at(name);
  auto* data = const_cast<std::byte*>(file_->data() + entry.begin);
  const auto options = at::TensorOptions().dtype(entry.dtype);
  if (entry.begin == entry.end) return at::empty(entry.shape, options);
  if (reinterpret_cast<uintptr_t>(data) % c10::elementSize(entry.dtype) != 0) {
    at::Tensor copy = at::empty(entry.shape, options);
    std::memcpy(copy.data_ptr(), data, entry.end - entry.begin);
    return copy;
  }
  // Small tensors are used where they lie; what takes a large one says how it is read.
  constexpr size_t kSmall = size_t{1} << 20;
  if (entry.end - entry.begin < kSmall) file_->prefetch(entry.begin, entry.end);
  const auto done = [file = file_, begin = entry.begin, end = entry.end](void*) {
    file->release(begin, end);
  };
  return at::from_blob(data, entry.shape, done, options);
}

}  // namespace aieb::engine
