#include "backends/plugin_backend.h"

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

#include <dlfcn.h>

#include "backends/plugin.h"
#include "backends/torch_library.h"
#include "core/error.h"
#include "core/log.h"
#include "core/paths.h"
#include "hub/resolve.h"
#include "meters/gpu_probe.h"

namespace aieb {
namespace fs = std::filesystem;
namespace {

fs::path plugin_path(const std::string& library) {
  const std::string file = "lib" + library + ".so";
  if (const char* dir = std::getenv("AIEB_PLUGIN_DIR")) return fs::path(dir) / file;
  return program_dir() / file;
}

void* symbol(void* handle, const char* name, const fs::path& path) {
  void* address = dlsym(handle, name);
  if (!address) {
    throw EnvironmentError(path.string() + " is not a backend plug-in: it lacks " + name +
                           "\nRebuild it together with this program.");
  }
  return address;
}

/// The library stays open for the life of the process: its backends hold code and statics of it.
PluginCreateFunction open_plugin(const fs::path& path) {
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    const char* why = dlerror();
    throw EnvironmentError(
        "cannot load the backend plug-in: " + std::string(why ? why : path.c_str()) +
        "\nBuild it with ./run_benchmark.sh, or use a server backend "
        "(backend.type=vllm), which needs no plug-in.");
  }
  const auto abi = reinterpret_cast<PluginAbiFunction>(symbol(handle, "aieb_plugin_abi", path));
  if (std::strcmp(abi(), kPluginAbi) != 0) {
    throw EnvironmentError(path.string() + " was built for another version (" + abi() +
                           ", this program needs " + kPluginAbi + "). Rebuild both together.");
  }
  return reinterpret_cast<PluginCreateFunction>(symbol(handle, "aieb_plugin_create", path));
}

/// The device the plug-in is asked for: "cpu", "cuda" or "cuda:N".
/// Throws EnvironmentError when a GPU was asked for and cannot be used.
std::string resolve_device(const std::string& device) {
  if (device == "cpu") return device;
  const std::string problem = probe_gpus().problem;
  if (problem.empty()) return device == "auto" ? "cuda" : device;
  if (device == "auto") {
    log::info("device auto: the CPU, because " + problem);
    return "cpu";
  }
  throw EnvironmentError("backend.device is '" + device + "', but " + problem);
}

}  // namespace

PluginBackend::PluginBackend(std::string library, BackendConfig backend, ScenarioConfig scenario)
    : library_(std::move(library)), backend_(std::move(backend)), scenario_(std::move(scenario)) {}

PluginBackend::~PluginBackend() = default;

void PluginBackend::open() {
  backend_.device = resolve_device(backend_.device);
  const ModelFiles files = resolve_model(backend_.model, backend_.revision);
  log::info("model " + backend_.model + " from " + files.source);
  open_torch(find_torch(), backend_.device != "cpu");
  PluginInput input{backend_, scenario_, files, log::write, log::Level::kDebug};
  plugin_.reset(open_plugin(plugin_path(library_))(input));
}

BackendInfo PluginBackend::info() const {
  if (plugin_) return plugin_->info();
  BackendInfo info;
  info.type = backend_.type;
  info.model = backend_.model;
  info.device = backend_.device;
  info.in_process = true;
  return info;
}

void PluginBackend::validate() {
  if (!plugin_) open();
  plugin_->validate();
}

void PluginBackend::load() {
  if (!plugin_) open();
  plugin_->load();
}

void PluginBackend::run(const Workload& workload, RunContext& context) {
  plugin_->run(workload, context);
}

void PluginBackend::unload() {
  if (plugin_) plugin_->unload();
}

}  // namespace aieb
