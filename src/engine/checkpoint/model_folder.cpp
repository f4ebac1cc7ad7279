#include "engine/checkpoint/model_folder.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <utility>

#include "core/error.h"
#include "engine/checkpoint/pickle_file.h"
#include "engine/checkpoint/safetensors.h"

namespace aieb::engine {
namespace {

namespace fs = std::filesystem;

/// One way in which folders keep their weights; the first that a folder has is used.
struct Kind {
  const char* index;      ///< which tensor is in which file, where there are several
  const char* file;       ///< the file, where there is one
  const char* extension;  ///< else every file of this kind
  std::unique_ptr<TensorFile> (*open)(const std::string& path);
};

template <class File>
std::unique_ptr<TensorFile> open_file(const std::string& path) {
  return std::make_unique<File>(path);
}

constexpr std::array kKinds = {
    Kind{"model.safetensors.index.json", "model.safetensors", ".safetensors",
         open_file<SafetensorsFile>},
    Kind{"pytorch_model.bin.index.json", "pytorch_model.bin", ".bin", open_file<PickleFile>},
    Kind{"pytorch_model.pth.index.json", "pytorch_model.pth", ".pth", open_file<PickleFile>},
};

/// What trainers leave beside a model's weights.
constexpr std::array kNotWeights = {"training_args.bin", "optimizer.bin", "scheduler.bin",
                                    "optimizer.pth", "scheduler.pth"};

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

class ModelFolder : public Checkpoint {
 public:
  explicit ModelFolder(const std::string& folder) : Checkpoint(folder) {
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
    return files_[file_index(name)]->info(name);
  }

  [[nodiscard]] at::Tensor tensor(const std::string& name) const override {
    return files_[file_index(name)]->tensor(name);
  }

 private:
  void open_files(const fs::path& root) {
    for (const auto& kind : kKinds) {
      Json index = Json::object();
      const std::set<std::string> wanted = files_of(kind, root, index);
      if (wanted.empty()) continue;
      for (const auto& file : wanted) add_file(kind, root / file);
      for (const auto& [name, file] : index.items()) {
        if (contains(name)) continue;
        throw ModelError((root / file.get<std::string>()).string() + ": tensor '" + name + "' of " +
                         kind.index + " is missing; download the model again");
      }
      return;
    }
    throw ModelError(path_ +
                     ": no *.safetensors and no pytorch_model*.bin; choose a revision that has "
                     "weights, or convert them with save_pretrained()");
  }

  static std::set<std::string> files_of(const Kind& kind, const fs::path& root, Json& index) {
    std::set<std::string> wanted;
    if (fs::exists(root / kind.index)) {
      index = read_json(root / kind.index).value("weight_map", Json::object());
      for (const auto& [name, file] : index.items()) wanted.insert(file.get<std::string>());
    } else if (fs::exists(root / kind.file)) {
      wanted.insert(kind.file);
    } else {
      for (const auto& file : fs::directory_iterator(root)) {
        const std::string name = file.path().filename();
        if (file.path().extension() == kind.extension &&
            std::ranges::find(kNotWeights, name) == kNotWeights.end()) {
          wanted.insert(name);
        }
      }
    }
    return wanted;
  }

  void add_file(const Kind& kind, const fs::path& path) {
    files_.push_back(kind.open(path.string()));
    for (const auto& name : files_.back()->names()) {
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

  std::vector<std::unique_ptr<TensorFile>> files_;
  std::map<std::string, size_t> file_of_;
};

}  // namespace

std::unique_ptr<Checkpoint> open_model_folder(const std::string& folder) {
  return std::make_unique<ModelFolder>(folder);
}

}  // namespace aieb::engine
