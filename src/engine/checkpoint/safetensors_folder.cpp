#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <utility>

#include "core/error.h"
#include "engine/checkpoint/safetensors.h"

namespace aieb::engine {
namespace {

namespace fs = std::filesystem;

constexpr const char* kIndexName = "model.safetensors.index.json";

Json read_json(const fs::path& path) {
  std::ifstream stream(path);
  if (!stream) {
    throw ModelError(path.string() + ": cannot be read; check its permissions");
  }
  try {
    return Json::parse(stream);
  } catch (const Json::exception& error) {
    throw ModelError(path.string() + ": not valid JSON (" + error.what() +
                     "); download the model again");
  }
}

class SafetensorsFolder : public Checkpoint {
 public:
  explicit SafetensorsFolder(const std::string& folder) : Checkpoint(folder) {
    const fs::path root(folder);
    if (!fs::exists(root / "config.json")) {
      throw ModelError(folder + ": no config.json; name a folder in the Hugging Face layout");
    }
    config_ = read_json(root / "config.json");
    if (fs::exists(root / "generation_config.json")) {
      generation_config_ = read_json(root / "generation_config.json");
    }
    tokenizer_.folder = folder;
    open_files(root);
  }

  [[nodiscard]] std::vector<std::string> names() const override {
    std::vector<std::string> names;
    names.reserve(file_of_.size());
    for (const auto& [name, file] : file_of_) names.push_back(name);
    return names;
  }

  [[nodiscard]] bool contains(const std::string& name) const override {
    return file_of_.contains(name);
  }

  [[nodiscard]] TensorInfo info(const std::string& name) const override {
    const auto& entry = files_[file_index(name)].entries().at(name);
    return {entry.dtype, entry.shape, false};
  }

  [[nodiscard]] at::Tensor tensor(const std::string& name) const override {
    return files_[file_index(name)].tensor(name);
  }

 private:
  void open_files(const fs::path& root) {
    std::set<std::string> wanted;
    Json index;
    if (fs::exists(root / kIndexName)) {
      index = read_json(root / kIndexName).value("weight_map", Json::object());
      for (const auto& [name, file] : index.items()) wanted.insert(file.get<std::string>());
    } else if (fs::exists(root / "model.safetensors")) {
      wanted.insert("model.safetensors");
    } else {
      for (const auto& file : fs::directory_iterator(root)) {
        if (file.path().extension() == ".safetensors") wanted.insert(file.path().filename());
      }
    }
    if (wanted.empty()) {
      throw ModelError(
          path_ + ": no *.safetensors file; convert the model with " +
          "save_pretrained(safe_serialization=True) or choose a revision that has one");
    }
    for (const auto& file : wanted) add_file(root / file);
    for (const auto& [name, file] : index.items()) {
      if (!contains(name)) {
        throw ModelError((root / file.get<std::string>()).string() + ": tensor '" + name + "' of " +
                         kIndexName + " is missing; download the model again");
      }
    }
  }

  void add_file(const fs::path& path) {
    files_.emplace_back(path.string());
    for (const auto& [name, entry] : files_.back().entries()) {
      if (!file_of_.emplace(name, files_.size() - 1).second) {
        throw ModelError(path.string() + ": tensor '" + name +
                         "' is in another file of this folder too; remove the files that are not "
                         "part of the model");
      }
    }
  }

  [[nodiscard]] size_t file_index(const std::string& name) const {
    const auto found = file_of_.find(name);
    if (found == file_of_.end()) throw ModelError(path_ + ": no tensor '" + name + "'");
    return found->second;
  }

  std::vector<SafetensorsFile> files_;
  std::map<std::string, size_t> file_of_;
};

}  // namespace

std::unique_ptr<Checkpoint> open_safetensors_folder(const std::string& folder) {
  return std::make_unique<SafetensorsFolder>(folder);
}

}  // namespace aieb::engine
