#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/command.h"
#include "cli/config_choice.h"
#include "config/parser.h"
#include "exporters/source_check.h"
#include "http/url.h"
#include "reporters/write.h"
#include "runner/load_shape.h"
#include "runner/run_carbon.h"

namespace aieb::cli {
namespace {

/// What each exporter of the configuration answers. False: one of them cannot be used.
bool report_sources(const std::vector<Check>& checks) {
  bool usable = true;
  for (const Check& check : checks) {
    const char* state = check.state == Check::fail   ? "fail"
                        : check.state == Check::warn ? "note"
                                                     : "ok";
    std::printf("%s: %s: %s\n", check.what.c_str(), state, check.detail.c_str());
    if (!check.fix.empty()) std::printf("  fix: %s\n", check.fix.c_str());
    usable = usable && check.state != Check::fail;
  }
  return usable;
}

struct ValidateArguments {
  std::vector<std::string> words;
  bool print = false;
};

ExitCode validate(const ValidateArguments& arguments) {
  const ConfigArguments sorted = sort_arguments(arguments.words);
  if (sorted.path.empty()) throw ConfigError("name the file to check: aieb validate CONFIG");
  const LoadedConfig loaded =
      load_config({.path = sorted.path, .overrides = sorted.overrides, .strict = true});
  load_shape(loaded.config.scenario.load);
  const std::vector<exporters::SourceSpec> sources =
      exporters::source_specs(loaded.config.metrics.sources);
  check_carbon(loaded.config);
  const BackendConfig& backend = loaded.config.backend;
  if (backend.type != "pytorch") http::Endpoint::parse(backend.endpoint);
  refuse_shared_reports(loaded.config);
  for (const std::string& warning : loaded.warnings) {
    std::fprintf(stderr, "warning: %s\n", warning.c_str());
  }
  if (arguments.print) {
    std::puts(to_public_json(loaded.config).dump(2).c_str());
  } else {
    std::printf("%s is valid: %s on %s, %d prompts of %s\n", sorted.path.c_str(),
                backend.model.c_str(), backend.type.c_str(), loaded.config.scenario.num_samples,
                loaded.config.scenario.dataset_name.c_str());
    if (!report_sources(exporters::check_sources(sources))) return ExitCode::kEnvironment;
  }
  return ExitCode::kOk;
}

}  // namespace

Action declare_validate(CLI::App& app) {
  const auto arguments = std::make_shared<ValidateArguments>();
  app.add_option("config", arguments->words, "YAML or JSON file, and settings to try with it")
      ->type_name("FILE|KEY=VALUE")
      ->required();
  app.add_flag("--print", arguments->print, "Print the configuration as resolved, as JSON");
  return [arguments] { return validate(*arguments); };
}

}  // namespace aieb::cli
