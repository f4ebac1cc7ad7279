#include "core/pipes.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <memory>

#include <fcntl.h>
#include <unistd.h>

#include "core/error.h"

extern char** environ;  // NOLINT(readability-redundant-declaration): POSIX leaves it to the program

namespace aieb {

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  close();
  fd_ = other.fd_;
  other.fd_ = -1;
  return *this;
}

void Descriptor::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Pipe make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    throw EnvironmentError(std::string("cannot make a pipe: ") + std::strerror(errno));
  }
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}

void drain(Descriptor& from, std::string& into) {
  std::array<char, 1 << 16> buffer{};
  const ssize_t count = read(from.get(), buffer.data(), buffer.size());
  if (count > 0) {
    into.append(buffer.data(), static_cast<size_t>(count));
  } else if (count == 0 || errno != EINTR) {
    from.close();
  }
}

NoSigpipe::NoSigpipe() {
  sigemptyset(&pipe_);
  sigaddset(&pipe_, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
}

NoSigpipe::~NoSigpipe() {
  const timespec now{};
  while (sigtimedwait(&pipe_, nullptr, &now) > 0) {
  }
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

pid_t spawn(const std::vector<std::string>& command, const posix_spawn_file_actions_t* actions,
            const posix_spawnattr_t* attributes, char* const* environment) {
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  pid_t pid = 0;
  const int failed =
      posix_spawnp(&pid, arguments[0], actions, attributes, arguments.data(), environment);
  if (failed != 0) {
    throw EnvironmentError("cannot start " + command[0] + ": " + std::strerror(failed));
  }
  return pid;
}

pid_t spawn_piped(const std::vector<std::string>& command, const StreamPipes& streams) {
  return spawn_piped(command, streams, nullptr, environ);
}

pid_t spawn_piped(const std::vector<std::string>& command, const StreamPipes& streams,
                  const posix_spawnattr_t* attributes, char* const* environment) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  const std::unique_ptr<posix_spawn_file_actions_t, int (*)(posix_spawn_file_actions_t*)> guard(
      &actions, posix_spawn_file_actions_destroy);
  posix_spawn_file_actions_adddup2(&actions, streams.in.read_end.get(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, streams.out.write_end.get(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, streams.err.write_end.get(), STDERR_FILENO);
  return spawn(command, &actions, attributes, environment);
}

}  // namespace aieb
