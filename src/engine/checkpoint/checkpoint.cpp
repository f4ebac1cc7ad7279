#include "engine/checkpoint/checkpoint.h"

#include <filesystem>

#include "core/error.h"
#include "engine/checkpoint/gguf_checkpoint.h"
#include "engine/checkpoint/model_folder.h"
#include "engine/checkpoint/quantised_checkpoint.h"

namespace aieb::engine {

int64_t Checkpoint::elements(const std::string& name) const {
  int64_t count = 1;
  for (const int64_t size : info(name).shape) count *= size;
  return count;
}

std::unique_ptr<Checkpoint> open_checkpoint(const std::string& path) {
  namespace fs = std::filesystem;
  if (!fs::exists(path)) {
    throw ModelError(path + ": no such file or folder; check backend.model");
  }
  if (fs::is_directory(path)) return decode_quantised(open_model_folder(path));
  if (fs::path(path).extension() == ".gguf") return open_gguf(path);
  throw ModelError(path + ": not a model; expected a folder with config.json or a .gguf file");
}

}  // namespace aieb::engine
