#include "hub/settings.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <fstream>
#include <optional>

#include "core/error.h"
#include "core/stop.h"

namespace aieb {
namespace {

namespace fs = std::filesystem;

std::optional<std::string> environment(const char* name) {
  const char* value = std::getenv(name);
  return value && *value ? std::optional<std::string>(value) : std::nullopt;
}

bool is_true(const char* name) {
  std::string value = environment(name).value_or("");
  std::transform(value.begin(), value.end(), value.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return value == "1" || value == "ON" || value == "YES" || value == "TRUE";
}

fs::path home() { return environment("HOME").value_or("."); }

fs::path expanded(const std::string& path) {
  if (path == "~") return home();
  return path.starts_with("~/") ? home() / path.substr(2) : fs::path(path);
}

/// The first of the variables that is set.
std::optional<fs::path> first_path(std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (const auto value = environment(name)) return expanded(*value);
  }
  return std::nullopt;
}

std::string read_token(const fs::path& hf_home) {
  for (const char* name : {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"}) {
    if (const auto token = environment(name)) return *token;
  }
  if (is_true("HF_HUB_DISABLE_IMPLICIT_TOKEN")) return {};
  std::ifstream in(first_path({"HF_TOKEN_PATH"}).value_or(hf_home / "token"));
  std::string token;
  in >> token;
  return token;
}

std::optional<double> timeout(const char* name) {
  const auto text = environment(name);
  if (!text) return std::nullopt;
  char* end = nullptr;
  const double seconds = std::strtod(text->c_str(), &end);
  if (*end != '\0' || !(seconds > 0)) {
    throw ConfigError(std::string(name) + "='" + *text + "': expected a number of seconds");
  }
  return seconds;
}

}  // namespace

HubSettings hub_settings() {
  HubSettings settings;
  settings.stop = stop_of_thread();
  const fs::path xdg = first_path({"XDG_CACHE_HOME"}).value_or(home() / ".cache");
  const fs::path hf_home = first_path({"HF_HOME"}).value_or(xdg / "huggingface");
  settings.cache = first_path({"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"}).value_or(hf_home / "hub");
  settings.datasets_cache = first_path({"HF_DATASETS_CACHE"}).value_or(hf_home / "datasets");
  settings.endpoint = environment("HF_ENDPOINT").value_or(settings.endpoint);
  while (settings.endpoint.ends_with('/')) settings.endpoint.pop_back();
  settings.token = read_token(hf_home);
  settings.offline = is_true("HF_HUB_OFFLINE") || is_true("TRANSFORMERS_OFFLINE");
  const auto connect = timeout("HF_HUB_ETAG_TIMEOUT");
  const auto stall = timeout("HF_HUB_DOWNLOAD_TIMEOUT");
  settings.timeouts_given = connect || stall;
  settings.connect_timeout_s = connect.value_or(settings.connect_timeout_s);
  settings.stall_timeout_s = stall.value_or(settings.stall_timeout_s);
  return settings;
}

}  // namespace aieb
