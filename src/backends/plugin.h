#pragma once

#include "backends/backend.h"
#include "config/config.h"
#include "core/log.h"
#include "hub/model_files.h"

namespace aieb {

/// What a plug-in's backend is made from. Host and plug-in are built together: the version string
/// below guards that, since C++ types cross the boundary.
struct PluginInput {
  BackendConfig backend;
  ScenarioConfig scenario;
  ModelFiles files;
  log::Sink log_sink;
  log::Level log_level = log::Level::kInfo;
};

/// Both sides must agree on this text.
constexpr const char* kPluginAbi = "aieb-plugin-1 gcc-cxx11 torch-2.11";

/// The symbols that a plug-in exports.
using PluginAbiFunction = const char* (*)();                    // "aieb_plugin_abi"
using PluginCreateFunction = Backend* (*)(const PluginInput&);  // "aieb_plugin_create", may throw

}  // namespace aieb
