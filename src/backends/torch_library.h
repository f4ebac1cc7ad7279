#pragma once

#include <string>

namespace aieb {

/// Where libtorch was found.
struct TorchLocation {
  std::string package_dir;  ///< the `torch` package's folder
  std::string version;      ///< e.g. "2.11.0+cu130"
};

/// Looks for torch 2.11 in, in this order: $AIEB_TORCH_DIR, the environment $AIEB_VENV, the
/// `.aieb/venv` of the repository that holds this binary, $VIRTUAL_ENV, the folder `torch` beside
/// an installed package. Throws EnvironmentError that names each place and the command to run.
TorchLocation find_torch();

/// Opens libtorch for the whole process so that a plug-in finds its symbols; with `cuda`, the CUDA
/// half too. Safe to call twice. Throws EnvironmentError with the loader's own words.
void open_torch(const TorchLocation& location, bool cuda);

}  // namespace aieb
