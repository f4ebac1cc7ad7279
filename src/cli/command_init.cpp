#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "cli/command.h"
#include "config/starter.h"
#include "reporters/file_output.h"
#include "reporters/text_format.h"

namespace aieb::cli {
namespace {

struct InitArguments {
  std::string backend = "pytorch";
  std::string output = "config.yaml";
  bool force = false;
};

ExitCode write_starter(const InitArguments& arguments) {
  const std::string text = starter_config(arguments.backend);
  if (arguments.output == "-") {
    std::fputs(text.c_str(), stdout);
    return ExitCode::kOk;
  }
  if (!arguments.force && std::filesystem::exists(arguments.output)) {
    throw ConfigError(arguments.output +
                      " exists already. Name another file with -o, or replace it with --force.");
  }
  write_file(arguments.output, text);
  std::printf("%s is ready. Edit it, then: aieb run %s\n", arguments.output.c_str(),
              arguments.output.c_str());
  return ExitCode::kOk;
}

}  // namespace

Action declare_init(CLI::App& app) {
  const auto arguments = std::make_shared<InitArguments>();
  app.add_option("backend", arguments->backend,
                 joined(starter_backends(), ", ") + " (default: pytorch)")
      ->type_name("BACKEND");
  app.add_option("-o,--output", arguments->output,
                 "File to write (default: config.yaml), or - for stdout")
      ->type_name("FILE");
  app.add_flag("--force", arguments->force, "Replace the file if it exists");
  return [arguments] { return write_starter(*arguments); };
}

}  // namespace aieb::cli
