#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/command.h"
#include "cli/config_choice.h"
#include "cli/console.h"
#include "cli/doctor_checks.h"
#include "cli/run_store.h"
#include "config/parser.h"
#include "reporters/text_format.h"

namespace aieb::cli {
namespace {

struct DoctorArguments {
  std::vector<std::string> words;
  std::string endpoint;
  std::string output_dir;
};

constexpr size_t kStateWidth = 6;
constexpr size_t kWhatWidth = 26;

struct StateText {
  const char* word;
  Tone tone;
};
StateText text_of(Check::State state) {
  switch (state) {
    case Check::ok:
      return {"ok", Tone::kGood};
    case Check::warn:
      return {"note", Tone::kWarning};
    case Check::fail:
      return {"fail", Tone::kBad};
  }
  return {"fail", Tone::kBad};
}

/// One check: state, what was looked at, what was found, and the command that helps.
std::string render(const Check& check, const TerminalStyle& style) {
  const StateText state = text_of(check.state);
  std::string out = "  " + toned(state.word, state.tone, style) +
                    std::string(kStateWidth - std::string_view(state.word).size(), ' ');
  const std::string indent(2 + kStateWidth + kWhatWidth, ' ');
  out += padded(check.what, kWhatWidth - 2) + "  ";
  bool first = true;
  for (const std::string& line : wrapped(check.detail, style.width - indent.size())) {
    out += (first ? "" : indent) + line + "\n";
    first = false;
  }
  if (first) out += "\n";
  if (!check.fix.empty()) out += indent + toned("fix: " + check.fix, Tone::kBold, style) + "\n";
  return out;
}

ExitCode doctor(const DoctorArguments& arguments) {
  const ConfigArguments sorted = sort_arguments(arguments.words);
  Json sources;
  if (!arguments.words.empty()) {
    const LoadedConfig loaded =
        load_config({.path = sorted.path, .overrides = sorted.overrides, .strict = false});
    sources = loaded.config.metrics.sources;
  }
  const std::vector<Check> checks = all_checks(arguments.output_dir, arguments.endpoint, sources);
  const TerminalStyle style = stdout_style();
  std::string out = "What can be measured here\n\n";
  for (const Check& check : checks) out += render(check, style);
  std::fputs(out.c_str(), stdout);
  const bool failed =
      std::ranges::any_of(checks, [](const Check& check) { return check.state == Check::fail; });
  return failed ? ExitCode::kEnvironment : ExitCode::kOk;
}

}  // namespace

Action declare_doctor(CLI::App& app) {
  const auto arguments = std::make_shared<DoctorArguments>();
  app.add_option("config", arguments->words,
                 "Also check the exporters in metrics.sources of this file or of these settings")
      ->type_name("FILE|KEY=VALUE");
  app.add_option("--endpoint", arguments->endpoint, "Also check that a server answers at URL")
      ->type_name("URL");
  add_output_dir_option(app, arguments->output_dir);
  return [arguments] { return doctor(*arguments); };
}

}  // namespace aieb::cli
