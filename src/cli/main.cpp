#include <exception>

#include "cli/command_line.h"
#include "cli/console.h"
#include "core/error.h"

/// Reads the command line, does what it asks for, and turns what went wrong into a message and an
/// exit code: the only place that catches errors.
int main(int argc, char** argv) {
  using namespace aieb;
  try {
    const cli::Action action = cli::parse_command_line(argc, argv);
    const ExitCode code = action();
    cli::require_stdout_written();
    return static_cast<int>(code);
  } catch (const Error& error) {
    cli::print_error(error.what());
    return static_cast<int>(error.exit_code());
  } catch (const std::exception& error) {
    cli::print_internal_error(error.what());
    return static_cast<int>(ExitCode::kInternal);
  }
}
