#include "core/subprocess.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <sstream>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/error.h"
#include "core/pipes.h"

extern char** environ;  // NOLINT(readability-redundant-declaration): POSIX leaves it to the program

namespace aieb {
namespace {

void feed(Descriptor& to, const std::string& input, size_t& sent) {
  const ssize_t count = write(to.get(), input.data() + sent, input.size() - sent);
  if (count >= 0) sent += static_cast<size_t>(count);
  const bool failed = count < 0 && errno != EINTR && errno != EAGAIN;
  if (failed || sent == input.size()) to.close();
}

/// Feeds and reads at the same time: neither side can wait for the other.
void exchange(Descriptor& in, Descriptor& out, Descriptor& err, const std::string& input,
              ProgramResult& result) {
  fcntl(in.get(), F_SETFL, O_NONBLOCK);
  size_t sent = 0;
  if (input.empty()) in.close();
  while (in.open() || out.open() || err.open()) {
    std::array<pollfd, 3> waits{
        {{in.get(), POLLOUT, 0}, {out.get(), POLLIN, 0}, {err.get(), POLLIN, 0}}};
    if (poll(waits.data(), waits.size(), -1) < 0) continue;
    if (waits[0].revents != 0) feed(in, input, sent);
    if (waits[1].revents != 0) drain(out, result.out);
    if (waits[2].revents != 0) drain(err, result.err);
  }
}

}  // namespace

ProgramResult run_program(const std::vector<std::string>& command, const std::string& input) {
  Pipe in = make_pipe();
  Pipe out = make_pipe();
  Pipe err = make_pipe();
  const NoSigpipe no_sigpipe;
  const pid_t pid = spawn_piped(command, {in, out, err});
  in.read_end.close();
  out.write_end.close();
  err.write_end.close();
  ProgramResult result;
  exchange(in.write_end, out.read_end, err.read_end, input, result);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

namespace {

constexpr std::array kForwarded = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};

timespec time_of(std::chrono::nanoseconds left) {
  const auto whole = std::chrono::duration_cast<std::chrono::seconds>(left);
  return {whole.count(), (left - whole).count()};
}

/// The next of `signals` within the time; 0 when none came.
int next_signal(const sigset_t& signals, double timeout_s, siginfo_t& info) {
  using Clock = std::chrono::steady_clock;
  const auto end =
      Clock::now() + std::chrono::nanoseconds(static_cast<int64_t>(std::max(0.0, timeout_s) * 1e9));
  while (true) {
    const auto left =
        std::max(std::chrono::nanoseconds(0), std::chrono::nanoseconds(end - Clock::now()));
    const timespec wait = time_of(left);
    const int signal = sigtimedwait(&signals, &info, &wait);
    if (signal > 0) return signal;
    if (errno != EINTR) return 0;
  }
}

int executable_error(const std::string& path) {
  struct stat facts{};
  if (stat(path.c_str(), &facts) != 0) return errno;
  if (!S_ISREG(facts.st_mode)) return EACCES;
  return access(path.c_str(), X_OK) == 0 ? 0 : errno;
}

}  // namespace

ProgramLookup find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return {name, executable_error(name)};
  const char* variable = std::getenv("PATH");
  std::istringstream folders(variable != nullptr ? variable : "/bin:/usr/bin");
  int error = ENOENT;
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::string path = (folder.empty() ? "." : folder) + "/" + name;
    const int failed = executable_error(path);
    if (failed == 0) return {path, 0};
    if (failed == EACCES) error = EACCES;
  }
  return {"", error};
}

ForegroundProgram::ForegroundProgram() {
  sigemptyset(&signals_);
  for (const int signal : kForwarded) sigaddset(&signals_, signal);
  sigaddset(&signals_, SIGCHLD);
  pthread_sigmask(SIG_BLOCK, &signals_, &before_);
}

ForegroundProgram::~ForegroundProgram() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

std::optional<int> ForegroundProgram::pause(double duration_s) const {
  sigset_t wanted = signals_;
  sigdelset(&wanted, SIGCHLD);
  siginfo_t info{};
  const int signal = next_signal(wanted, duration_s, info);
  return signal > 0 ? std::optional(signal) : std::nullopt;
}

void ForegroundProgram::start(const std::vector<std::string>& command) {
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  const std::unique_ptr<posix_spawnattr_t, int (*)(posix_spawnattr_t*)> guard(
      &attributes, posix_spawnattr_destroy);
  posix_spawnattr_setsigmask(&attributes, &before_);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  pid_ = spawn(command, nullptr, &attributes, environ);
}

std::optional<ProgramEnd> ForegroundProgram::wait(double timeout_s) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::duration<double>(timeout_s);
  while (true) {
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) == pid_) {
      if (WIFSIGNALED(status)) return ProgramEnd{0, WTERMSIG(status)};
      return ProgramEnd{WEXITSTATUS(status), 0};
    }
    siginfo_t info{};
    const int signal =
        next_signal(signals_, std::chrono::duration<double>(end - Clock::now()).count(), info);
    if (signal == 0) return std::nullopt;
    // A code above 0 is the kernel's: the terminal told the whole process group.
    if (signal != SIGCHLD && info.si_code <= 0) kill(pid_, signal);
  }
}

void end_by_signal(int signal) {
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  std::signal(signal, SIG_DFL);
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, signal);
  pthread_sigmask(SIG_UNBLOCK, &one, nullptr);
  raise(signal);
}

}  // namespace aieb
