#pragma once

#include <functional>
#include <span>

#include "core/error.h"

namespace CLI {
class App;
}

namespace aieb::cli {

/// What a sub-command does once the command line is read. Throws Error.
using Action = std::function<ExitCode()>;

/// One sub-command: `declare` adds its options to `app` and returns its action.
struct Command {
  const char* name;
  const char* summary;
  Action (*declare)(CLI::App& app);
  /// Words after "--" are another program's: they reach the option behind kRawWord, so that nothing
  /// in them is taken for syntax of this command line.
  bool raw_words = false;
};
constexpr char kRawWord = '\x1f';

/// All of them, in the order of `aieb --help`.
std::span<const Command> commands();

Action declare_run(CLI::App& app);
Action declare_sweep(CLI::App& app);
Action declare_validate(CLI::App& app);
Action declare_list(CLI::App& app);
Action declare_show(CLI::App& app);
Action declare_report(CLI::App& app);
Action declare_compare(CLI::App& app);
Action declare_verify(CLI::App& app);
Action declare_monitor(CLI::App& app);
Action declare_calibrate(CLI::App& app);
Action declare_carbon(CLI::App& app);
Action declare_doctor(CLI::App& app);
Action declare_init(CLI::App& app);
Action declare_completion(CLI::App& app);
Action declare_version(CLI::App& app);

}  // namespace aieb::cli
