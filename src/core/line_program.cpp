#include "core/line_program.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <memory>
#include <thread>

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;  // NOLINT(readability-redundant-declaration): POSIX leaves it to the program

namespace aieb {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kPatience_s = 3;
constexpr size_t kKeptErrors = 4096;  // bytes
constexpr size_t kShownLines = 12;

using Variables = std::map<std::string, std::optional<std::string>>;

std::vector<std::string> environment_with(const Variables& variables) {
  std::vector<std::string> entries;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (!variables.contains(text.substr(0, text.find('=')))) entries.push_back(text);
  }
  for (const auto& [name, value] : variables) {
    if (value) entries.push_back(name + "=" + *value);
  }
  return entries;
}

/// A group of its own, no blocked signals, and the usual answers to those that this process handles
/// or ignores.
class ChildAttributes {
 public:
  ChildAttributes() {
    posix_spawnattr_init(&attributes_);
    sigset_t none;
    sigemptyset(&none);
    sigset_t usual;
    sigemptyset(&usual);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE}) sigaddset(&usual, signal);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &usual);
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }
  ~ChildAttributes() { posix_spawnattr_destroy(&attributes_); }
  ChildAttributes(const ChildAttributes&) = delete;
  ChildAttributes& operator=(const ChildAttributes&) = delete;
  [[nodiscard]] const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_{};
};

}  // namespace

LineProgram::LineProgram(const std::vector<std::string>& command, const Variables& variables) {
  std::vector<std::string> entries = environment_with(variables);
  std::vector<char*> environment;
  for (std::string& entry : entries) environment.push_back(entry.data());
  environment.push_back(nullptr);
  Pipe in = make_pipe();
  Pipe out = make_pipe();
  Pipe err = make_pipe();
  const ChildAttributes attributes;
  pid_ = spawn_piped(command, {in, out, err}, attributes.get(), environment.data());
  in_ = std::move(in.write_end);
  out_ = std::move(out.read_end);
  err_ = std::move(err.read_end);
}

LineProgram::~LineProgram() { finish(kPatience_s); }

bool LineProgram::write_line(const std::string& text) {
  const std::lock_guard lock(write_mutex_);
  const NoSigpipe no_sigpipe;
  const std::string line = text + "\n";
  size_t sent = 0;
  while (in_.open() && sent < line.size()) {
    const ssize_t count = write(in_.get(), line.data() + sent, line.size() - sent);
    if (count > 0) sent += static_cast<size_t>(count);
    if (count < 0 && errno != EINTR) in_.close();
  }
  return in_.open();
}

bool LineProgram::take_line(std::string& line) {
  const size_t end = buffer_.find('\n', searched_);
  if (end == std::string::npos) {
    searched_ = buffer_.size();
    return false;
  }
  line = buffer_.substr(0, end);
  buffer_.erase(0, end + 1);
  searched_ = 0;
  return true;
}

void LineProgram::keep_errors() {
  drain(err_, errors_);
  if (errors_.size() > kKeptErrors) errors_.erase(0, errors_.size() - kKeptErrors);
}

LineProgram::Read LineProgram::read_line(std::string& line, double timeout_s) {
  const auto end = Clock::now() + std::chrono::duration<double>(timeout_s);
  while (!take_line(line)) {
    if (!out_.open()) return Read::kEnd;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
    std::array<pollfd, 2> waits{{{out_.get(), POLLIN, 0}, {err_.get(), POLLIN, 0}}};
    const int ready = poll(waits.data(), waits.size(), std::max(0, static_cast<int>(left.count())));
    if (ready == 0) return Read::kNothingYet;
    if (ready < 0) continue;
    if (waits[0].revents != 0) drain(out_, buffer_);
    if (waits[1].revents != 0) keep_errors();
  }
  return Read::kLine;
}

ProgramEnd LineProgram::finish(double patience_s) {
  if (end_) return *end_;
  {
    const std::lock_guard lock(write_mutex_);
    in_.close();
  }
  constexpr auto kStep = std::chrono::milliseconds(10);
  const auto end = Clock::now() + std::chrono::duration<double>(patience_s);
  int status = 0;
  pid_t ended = 0;
  while ((ended = waitpid(pid_, &status, WNOHANG)) == 0 && Clock::now() < end) {
    std::string ignored;
    if (read_line(ignored, 0) != Read::kLine) std::this_thread::sleep_for(kStep);
  }
  if (ended == 0) {
    kill(pid_, SIGKILL);
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
  }
  while (err_.open()) {
    pollfd wait{err_.get(), POLLIN, 0};
    if (poll(&wait, 1, 0) <= 0) break;  // a grandchild may hold the other end open
    keep_errors();
  }
  end_ = WIFSIGNALED(status) ? ProgramEnd{0, WTERMSIG(status)} : ProgramEnd{WEXITSTATUS(status), 0};
  return *end_;
}

std::string LineProgram::last_errors() const {
  size_t from = errors_.find_last_not_of('\n');
  if (from == std::string::npos) return "";
  const size_t size = from + 1;
  for (size_t line = 0; line < kShownLines && from != std::string::npos && from > 0; ++line) {
    from = errors_.rfind('\n', from - 1);
  }
  const size_t begin = from == std::string::npos || from == 0 ? 0 : from + 1;
  return errors_.substr(begin, size - begin);
}

std::string describe(const ProgramEnd& end) {
  if (end.signal == 0) return "ended with exit code " + std::to_string(end.exit_code);
  return "was killed by signal " + std::to_string(end.signal) + " (" + strsignal(end.signal) + ")";
}

}  // namespace aieb
