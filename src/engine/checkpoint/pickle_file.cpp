#include "engine/checkpoint/pickle_file.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <ATen/ATen.h>
#include <caffe2/serialize/inline_container.h>
#include <torch/csrc/jit/serialization/unpickler.h>

#include "core/error.h"
#include "engine/checkpoint/pickle_stream.h"

namespace aieb::engine {
namespace {

constexpr const char* kDownloadAgain = "delete it and download the model again";
constexpr const char* kConvert =
    "convert the model with save_pretrained() of a current transformers";

/// Storages that lie well in the file are used where they are; the few others are copied.
constexpr size_t kAlignment = 8;

/// The pickle's tensors, with storages read by `read_record`.
c10::IValue unpickle(std::string_view pickle,
                     std::function<at::DataPtr(const std::string&)> read_record) {
  size_t position = 0;
  const auto read = [&](char* out, size_t wanted) {
    const size_t count = std::min(wanted, pickle.size() - position);
    std::memcpy(out, pickle.data() + position, count);
    position += count;
    return count;
  };
  const auto no_classes = [](const c10::QualifiedName& name) -> c10::StrongTypePtr {
    C10_THROW_ERROR(Error, "the class " + name.qualifiedName() + " is not a tensor");
  };
  torch::jit::Unpickler unpickler(read, no_classes, nullptr, std::move(read_record), std::nullopt);
  return unpickler.parse_ivalue();
}

/// The dictionary itself, or the one that training scripts nest under "state_dict" or "model".
c10::Dict<c10::IValue, c10::IValue> state_of(const c10::IValue& value) {
  TORCH_CHECK(value.isGenericDict(), "it does not hold a dictionary");
  auto dictionary = value.toGenericDict();
  for (const char* key : {"state_dict", "model"}) {
    if (dictionary.contains(key) && dictionary.at(key).isGenericDict()) {
      return dictionary.at(key).toGenericDict();
    }
  }
  return dictionary;
}

}  // namespace

PickleFile::PickleFile(const std::string& path) : file_(MappedFile::open(path)) {
  constexpr char kZip[] = {'P', 'K', 3, 4};
  if (file_->size() < sizeof kZip || std::memcmp(file_->data(), kZip, sizeof kZip) != 0) {
    fail("not a file of torch.save since PyTorch 1.6 (no zip archive)", kConvert);
  }
  try {
    read();
  } catch (const c10::Error& error) {
    fail(std::string("cannot be read: ") + error.what_without_backtrace(), kDownloadAgain);
  }
  for (const auto& [name, tensor] : tensors_) check(name, tensor);
}

void PickleFile::read() {
  caffe2::serialize::PyTorchStreamReader archive(file_->path());
  const auto record = [this, &archive](const std::string& key) -> at::DataPtr {
    const std::string name = "data/" + key;
    const size_t offset = archive.getRecordOffset(name);
    const size_t size = archive.getRecordSize(name);
    at::DataPtr data;
    if (offset % kAlignment != 0 || offset > file_->size() || size > file_->size() - offset) {
      data = std::get<0>(archive.getRecord(name));
    } else {
      using Owner = std::shared_ptr<const MappedFile>;
      data = {const_cast<std::byte*>(file_->data() + offset), new Owner(file_),
              [](void* owner) { delete static_cast<Owner*>(owner); }, at::kCPU};
    }
    record_sizes_[data.get()] = size;
    return data;
  };
  const auto [pickle, size] = archive.getRecord("data.pkl");
  const auto plain = with_plain_dictionaries({static_cast<const char*>(pickle.get()), size});
  const auto state = state_of(unpickle(plain, record));
  for (const auto& entry : state) {
    if (entry.key().isString() && entry.value().isTensor()) {
      tensors_.emplace(entry.key().toStringRef(), entry.value().toTensor());
    }
  }
  TORCH_CHECK(!tensors_.empty(), "it holds no tensors");
}

void PickleFile::check(const std::string& name, const at::Tensor& tensor) const {
  const auto bad = [&](const char* what) { fail("tensor '" + name + "' " + what, kDownloadAgain); };
  int64_t last = tensor.storage_offset();
  for (int64_t i = 0; i < tensor.dim(); ++i) {
    if (tensor.size(i) < 0 || tensor.stride(i) < 0) bad("has a negative size");
    int64_t reach = 0;
    if (__builtin_mul_overflow(std::max<int64_t>(tensor.size(i) - 1, 0), tensor.stride(i),
                               &reach) ||
        __builtin_add_overflow(last, reach, &last)) {
      bad("is larger than any file");
    }
  }
  if (tensor.numel() == 0) return;
  const auto bytes = tensor.storage().nbytes();
  const auto item = static_cast<int64_t>(tensor.element_size());
  if (tensor.storage_offset() < 0 || (last + 1) > static_cast<int64_t>(bytes) / item) {
    bad("reaches beyond its storage");
  }
  const auto record = record_sizes_.find(tensor.storage().data());
  if (record == record_sizes_.end() || bytes > record->second) {
    bad("is larger than what the file has of it (truncated?)");
  }
}

void PickleFile::fail(const std::string& what, const std::string& remedy) const {
  throw ModelError(file_->path() + ": " + what + "; " + remedy);
}

std::vector<std::string> PickleFile::names() const {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : tensors_) names.push_back(name);
  return names;
}

TensorInfo PickleFile::info(const std::string& name) const {
  const at::Tensor& tensor = tensors_.at(name);
  return {tensor.scalar_type(), tensor.sizes().vec(), false};
}

at::Tensor PickleFile::tensor(const std::string& name) const { return tensors_.at(name); }

}  // namespace aieb::engine
