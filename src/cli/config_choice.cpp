#include "cli/config_choice.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "cli/endpoint_probe.h"
#include "core/error.h"
#include "core/paths.h"

namespace aieb::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDefaultConfig = "gpt_oss_120b.yaml";
constexpr const char* kQuickstart = "quickstart.yaml";

/// Variables by which a user speaks of a certain server or model.
constexpr std::array kBackendVariables = {"BENCHMARK_BACKEND", "BENCHMARK_MODEL", "VLLM_ENDPOINT"};

bool set_in_environment(const char* name) {
  const char* value = std::getenv(name);
  return value && *value;
}

/// `a.b_c=…`: letters, digits, "_" and "." before the first "=".
bool is_override(std::string_view word) {
  const size_t equals = word.find('=');
  if (equals == std::string_view::npos || equals == 0) return false;
  return std::ranges::all_of(word.substr(0, equals), [](unsigned char c) {
    return std::isalnum(c) || c == '_' || c == '.';
  });
}

/// A configuration that comes with the tool: in ./configs, else in the repository of the binary.
/// Empty for an installed binary away from any.
std::string shipped_config(const std::string& name) {
  std::vector<fs::path> places = {fs::path("configs") / name};
  if (const auto root = repository_root()) places.push_back(*root / "configs" / name);
  for (const fs::path& place : places) {
    if (fs::exists(place)) return place.string();
  }
  return "";
}

bool names_a_backend(const ConfigArguments& arguments) {
  return std::ranges::any_of(kBackendVariables, set_in_environment) ||
         std::ranges::any_of(arguments.overrides,
                             [](const std::string& o) { return o.starts_with("backend."); });
}

LoadedConfig load(const ConfigArguments& arguments, const std::string& path) {
  return load_config({.path = path, .overrides = arguments.overrides, .strict = arguments.strict});
}

}  // namespace

ConfigArguments sort_arguments(const std::vector<std::string>& words) {
  ConfigArguments out;
  for (const std::string& word : words) {
    if (is_override(word)) {
      out.overrides.push_back(word);
    } else if (out.path.empty()) {
      out.path = word;
    } else {
      throw ConfigError("two configuration files were named, " + out.path + " and " + word +
                        ". Name one; settings are given as key=value.");
    }
  }
  return out;
}

ConfigChoice choose_config(const ConfigArguments& arguments) {
  std::string path = arguments.path;
  if (path.empty() && set_in_environment("CONFIG_FILE")) path = std::getenv("CONFIG_FILE");
  if (!path.empty()) return {load(arguments, path), path, ""};

  path = shipped_config(kDefaultConfig);  // empty: plain defaults
  ConfigChoice choice{load(arguments, path), path, ""};
  const BackendConfig& backend = choice.loaded.config.backend;
  if (backend.type != "vllm" || names_a_backend(arguments) || something_listens(backend.endpoint)) {
    return choice;
  }
  const std::string silent =
      "No server listens at " + backend.endpoint + ", which " + choice.title() + " would measure";
  const std::string quickstart = shipped_config(kQuickstart);
  if (quickstart.empty()) {
    throw ConfigError(silent +
                      ". Say what to measure: aieb run backend.type=… backend.model=…, or "
                      "aieb run CONFIG; `aieb init` writes a configuration.");
  }
  return {load(arguments, quickstart), quickstart,
          silent + ": running " + quickstart + " instead."};
}

std::string ConfigChoice::title() const {
  return path.empty() ? "the default configuration" : path;
}

}  // namespace aieb::cli
