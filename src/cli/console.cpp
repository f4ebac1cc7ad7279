#include "cli/console.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include <sys/ioctl.h>
#include <unistd.h>

#include "core/error.h"
#include "core/text.h"
#include "core/version.h"

namespace aieb::cli {
namespace {

constexpr size_t kTableWidth = 100;

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

}  // namespace

Console console_of(int fd) {
  Console out;
  out.tty = ::isatty(fd) == 1 && environment("TERM") != "dumb";
  out.color = out.tty && environment("NO_COLOR").empty();
  winsize size{};
  if (out.tty && ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) out.width = size.ws_col;
  return out;
}

TerminalStyle stdout_style() {
  const Console console = console_of(STDOUT_FILENO);
  return {.color = console.color,
          .width = console.tty ? std::min(console.width, kTableWidth) : kTableWidth};
}

void print_error(std::string_view message) {
  const TerminalStyle style{.color = console_of(STDERR_FILENO).color};
  const std::string text =
      toned("error:", Tone::kBad, style) + " " + printable(message, "\n\t") + "\n";
  std::fputs(text.c_str(), stderr);
}

void require_stdout_written() {
  errno = 0;
  const bool flushed = std::fflush(stdout) == 0;
  if (flushed && std::ferror(stdout) == 0) return;
  const std::string reason = errno == 0 ? "" : std::string(": ") + std::strerror(errno);
  throw EnvironmentError("cannot write to stdout" + reason +
                         ". What was printed is not complete: free space where it goes, or send it "
                         "elsewhere. A run that was recorded is kept: aieb report latest");
}

void print_internal_error(std::string_view message) {
  print_error("internal error: " + std::string(message));
  std::fprintf(
      stderr,
      "This is a defect of aieb %s. Please report it with the command you ran and, if a run "
      "had begun,\nthe files benchmark.log and debug_info.json of its output folder.\n",
      version());
}

}  // namespace aieb::cli
