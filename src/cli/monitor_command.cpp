#include "cli/monitor_command.h"

#include <cerrno>
#include <cstring>
#include <filesystem>

#include <unistd.h>

#include "cli/console.h"
#include "core/subprocess.h"
#include "reporters/file_output.h"
#include "reporters/results_json.h"
#include "reporters/terminal.h"
#include "runner/run_id.h"

namespace aieb::cli {
namespace {

constexpr int kNotFound = 127;
constexpr int kNotExecutable = 126;

/// Writes the summary to stderr: stdout is the command's.
void report(const MonitorArguments& a, const Results& results) {
  if (!a.quiet) {
    const Console console = console_of(STDERR_FILENO);
    const TerminalStyle style{console.color, std::min<size_t>(console.width, 100)};
    std::fputs(("\n" + terminal_report(results, style)).c_str(), stderr);
  }
  if (!a.json.empty()) write_file(a.json, json_report(results));
}

/// One command from the idle baseline to the report.
class CommandRun {
 public:
  CommandRun(const MonitorArguments& a, MonitorOptions options)
      : a_(a), trace_path_(options.trace_path), session_(a, std::move(options), false) {}

  ExitCode execute() {
    Monitor& monitor = session_.monitor();
    monitor.start();
    if (!session_.exporter_url().empty() && !a_.quiet) {
      std::fputs(("serving " + session_.exporter_url() + "\n").c_str(), stderr);
    }
    if (const auto signal = measure_idle(*a_.idle_s)) {
      monitor.stop();
      std::filesystem::remove(trace_path_);  // there is nothing in it
      end_by_signal(*signal);
    }
    const ProgramEnd end = run();
    monitor.stop(CommandExit{end.exit_code, end.signal});
    session_.tick(true);
    report(a_, monitor.results());
    if (end.signal != 0) end_by_signal(end.signal);
    return static_cast<ExitCode>(end.exit_code);
  }

 private:
  /// The signal that ended it early, if one did.
  std::optional<int> measure_idle(double idle_s) {
    if (idle_s <= 0) return std::nullopt;
    session_.monitor().begin(PhaseKind::kIdle);
    const std::optional<int> signal = program_.pause(idle_s);
    session_.monitor().end();
    return signal;
  }

  ProgramEnd run() {
    session_.monitor().begin(PhaseKind::kMeasure);
    program_.start(a_.command);
    std::optional<ProgramEnd> end;
    while (!(end = program_.wait(a_.interval_s))) session_.tick();
    session_.monitor().end();
    return *end;
  }

  const MonitorArguments& a_;
  std::string trace_path_;
  ForegroundProgram program_;  // before the session's threads: they must not take its signals
  MonitorSession session_;
};

}  // namespace

ExitCode monitor_command(const MonitorArguments& a) {
  const ProgramLookup program = find_program(a.command.front());
  if (program.error != 0) {
    print_error("cannot run '" + a.command.front() + "': " + std::strerror(program.error));
    return static_cast<ExitCode>(program.error == ENOENT ? kNotFound : kNotExecutable);
  }
  MonitorOptions options;
  options.run_id = new_run_id(a.name);
  options.trace_path = a.trace.empty() ? run_trace_path(a.output_dir, options.run_id) : a.trace;
  options.command = a.command;
  return CommandRun(a, std::move(options)).execute();
}

}  // namespace aieb::cli
