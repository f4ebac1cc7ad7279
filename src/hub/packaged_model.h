#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace aieb::hub {

/// A model that a Python package carries inside, for machines that cannot reach the hub.
struct PackagedModel {
  std::string id;       ///< of the same model on the hub
  std::string package;  ///< folder in site-packages
  std::string install;  ///< the command that installs it
};

/// The packaged stand-in for a model of the hub, if there is one.
std::optional<PackagedModel> packaged_model(const std::string& id);

/// Its .gguf file, where the package is installed: $AIEB_VENV, the repository's .aieb/venv, the
/// active environment, or the one this program is installed in.
std::optional<std::filesystem::path> find_packaged_file(const PackagedModel& model);

}  // namespace aieb::hub
