#pragma once

#include <string>

namespace aieb {

/// A model on the local disk, ready to be opened.
struct ModelFiles {
  enum class Kind {
    kCheckpointFolder,  ///< config.json, *.safetensors (or shards and their index), tokenizer.json
    kGgufFile,
  };
  Kind kind = Kind::kCheckpointFolder;
  std::string path;    ///< the folder, or the .gguf file
  std::string source;  ///< for people: "local folder", "Hugging Face cache", "Hugging Face hub", …
  std::string revision;  ///< commit of a hub snapshot, else empty
};

}  // namespace aieb
