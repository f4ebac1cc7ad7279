#include "engine/cuda/open_step_graphs.h"

#include <dlfcn.h>

#include "core/paths.h"

namespace aieb::engine {

StepGraphs open_step_graphs() {
  const auto path = program_dir() / "libaieb_pytorch_cuda.so";
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  void* function = handle ? dlsym(handle, "aieb_make_step_graph") : nullptr;
  if (!function) {
    const char* why = dlerror();
    return {.make = {}, .problem = why ? why : path.string() + " lacks aieb_make_step_graph"};
  }
  const auto make = reinterpret_cast<StepGraph* (*)()>(function);
  return {.make = [make] { return std::unique_ptr<StepGraph>(make()); }, .problem = {}};
}

}  // namespace aieb::engine
