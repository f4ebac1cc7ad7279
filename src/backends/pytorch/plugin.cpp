#include "backends/plugin.h"

#include "backends/pytorch/pytorch_backend.h"

// The two symbols of the plug-in. Everything else in this library is hidden.
extern "C" {

__attribute__((visibility("default"))) const char* aieb_plugin_abi() { return aieb::kPluginAbi; }

__attribute__((visibility("default"))) aieb::Backend* aieb_plugin_create(
    const aieb::PluginInput& input) {
  aieb::log::set_sink(input.log_sink);  // this library has its own copy of core/
  aieb::log::set_level(input.log_level);
  return new aieb::PytorchBackend(input);
}

}  // extern "C"
