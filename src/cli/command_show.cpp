#include <cstdio>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "cli/command.h"
#include "cli/console.h"
#include "cli/run_store.h"
#include "cli/text_table.h"
#include "reporters/terminal.h"
#include "reporters/text_format.h"

namespace aieb::cli {
namespace {

struct ShowArguments {
  std::string run;
  std::string output_dir;
};

std::string energy_text(const Quantity& energy) {
  return energy.known() ? quantity_text(energy.scaled(1 / kJoulesPerWh, "Wh"), "Wh") : "unknown";
}

std::string phases_text(const Results& results) {
  TextTable table({"  phase", "duration", "energy", "source"});
  const auto add = [&table](const std::string& name, const WindowEnergy& window) {
    table.add({"  " + name, duration_text(window.duration_s), energy_text(window.total.gross),
               std::string(to_string(window.total.gross.source))});
  };
  for (const auto& [name, window] : results.other_phases) add(name, window);
  add("measure", results.measure);
  return table.text();
}

/// Scalars of a JSON object as lines; nested values as compact JSON.
std::string lines_of(const Json& object) {
  std::string out;
  for (const auto& [key, value] : object.items()) {
    out += "  " + padded(key, 24) + (value.is_string() ? value.get<std::string>() : value.dump()) +
           "\n";
  }
  return out;
}

ExitCode show(const ShowArguments& arguments) {
  const Results results = load_results(find_run(arguments.run, arguments.output_dir));
  std::string out = terminal_report(results, stdout_style());
  out += "\nphases\n" + phases_text(results);
  out += "\nbackend\n" + lines_of(results.backend_info);
  out += "\nenvironment\n" + lines_of(results.environment);
  out += "\nconfiguration\n" + results.config.dump(2) + "\n";
  std::fputs(out.c_str(), stdout);
  return ExitCode::kOk;
}

}  // namespace

Action declare_show(CLI::App& app) {
  const auto arguments = std::make_shared<ShowArguments>();
  app.add_option("run", arguments->run,
                 "Trace or results document; 'latest' or a part of a name finds a recorded run")
      ->type_name("RUN")
      ->required();
  add_output_dir_option(app, arguments->output_dir);
  return [arguments] { return show(*arguments); };
}

}  // namespace aieb::cli
