#pragma once

#include <cstddef>
#include <string_view>

#include "reporters/terminal.h"

namespace aieb::cli {

/// What a file descriptor can show.
struct Console {
  bool tty = false;
  bool color = false;  ///< a terminal, and NO_COLOR is not set
  size_t width = 80;   ///< columns now; the default where there is no terminal
};

Console console_of(int fd);

/// Layout of a table on stdout: colours as the terminal allows, at most 100 columns.
TerminalStyle stdout_style();

/// "error: …" on stderr.
void print_error(std::string_view message);

/// The same for what should never happen, with a request to report it.
void print_internal_error(std::string_view message);

/// Throws EnvironmentError when something that was printed to stdout did not get there: a full disk
/// behind a redirection is told to nobody else.
void require_stdout_written();

}  // namespace aieb::cli
