#include "cli/doctor_checks.h"

#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <optional>
#include <utility>

#include <unistd.h>

#include "backends/torch_library.h"
#include "cli/endpoint_probe.h"
#include "core/error.h"
#include "core/paths.h"
#include "exporters/source_check.h"
#include "meters/discover.h"
#include "reporters/file_output.h"
#include "reporters/text_format.h"

namespace aieb::cli {
namespace {

namespace fs = std::filesystem;

constexpr double kBytesPerGb = 1e9;
constexpr double kLittleSpaceGb = 2;

/// The last line of an error's text is how to mend it.
Check failure(const std::string& what, Check::State state, const std::string& message) {
  const size_t end = message.rfind('\n');
  return {what, state, message.substr(0, end),
          end == std::string::npos ? "" : message.substr(end + 1)};
}

Check plugin_check() {
  const char* dir = std::getenv("AIEB_PLUGIN_DIR");
  const fs::path path = (dir && *dir ? fs::path(dir) : program_dir()) / "libaieb_pytorch.so";
  if (fs::exists(path)) return {"pytorch backend", Check::ok, path.string(), ""};
  return {"pytorch backend", Check::warn,
          path.string() + " is not there: only servers can be measured", "./run_benchmark.sh"};
}

Check torch_check() {
  try {
    const TorchLocation torch = find_torch();
    return {"torch", Check::ok, torch.version + " in " + torch.package_dir, ""};
  } catch (const EnvironmentError& error) {
    return failure("torch", Check::warn, error.what());
  }
}

/// The nearest folder of a path that exists: what statvfs can be asked about.
fs::path existing_part(fs::path path) {
  path = fs::absolute(path);
  std::error_code ignored;
  while (!fs::exists(path, ignored) && path.has_relative_path()) path = path.parent_path();
  return path;
}

Check space_check(const std::string& what, const fs::path& path) {
  std::error_code error;
  const fs::space_info space = fs::space(existing_part(path), error);
  if (error) return {what, Check::warn, path.string() + ": " + error.message(), ""};
  const double free_gb = static_cast<double>(space.available) / kBytesPerGb;
  const std::string detail = path.string() + ", " + number_text(free_gb) + " GB free";
  if (free_gb >= kLittleSpaceGb) return {what, Check::ok, detail, ""};
  return {what, Check::warn, detail, "free space, or choose another place"};
}

Check output_check(const std::string& output_dir) {
  try {
    require_writable((fs::path(output_dir) / "benchmark.log").string());
  } catch (const EnvironmentError& error) {
    return failure("output folder", Check::fail, error.what());
  }
  return space_check("output folder", output_dir);
}

std::optional<std::string> variable(const char* name) {
  const char* value = std::getenv(name);
  return value && *value ? std::optional<std::string>(value) : std::nullopt;
}

/// Where Hugging Face's tools keep models: HF_HUB_CACHE, else HF_HOME/hub, else ~/.cache.
fs::path model_cache() {
  if (const auto cache = variable("HF_HUB_CACHE")) return *cache;
  if (const auto home = variable("HF_HOME")) return fs::path(*home) / "hub";
  const fs::path cache =
      variable("XDG_CACHE_HOME").value_or(variable("HOME").value_or("/") + "/.cache");
  return cache / "huggingface" / "hub";
}

Check endpoint_check(const std::string& endpoint) {
  if (something_listens(endpoint)) {
    return {"endpoint", Check::ok, endpoint + " accepts connections", ""};
  }
  return {"endpoint", Check::fail, "nothing listens at " + endpoint,
          "start the server, for example: vllm serve MODEL --port 8000"};
}

}  // namespace

std::vector<Check> all_checks(const std::string& output_dir, const std::string& endpoint,
                              const Json& sources) {
  MeterOptions everything;
  everything.all_gpus = true;
  std::vector<Check> out = check_sensors(everything);
  for (Check& check : exporters::check_sources(exporters::source_specs(sources))) {
    out.push_back(std::move(check));
  }
  out.push_back(plugin_check());
  out.push_back(torch_check());
  out.push_back(output_check(output_dir));
  out.push_back(space_check("model cache", model_cache()));
  if (!endpoint.empty()) out.push_back(endpoint_check(endpoint));
  return out;
}

}  // namespace aieb::cli
