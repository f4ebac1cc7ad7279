#pragma once

#include <csignal>
#include <string>
#include <vector>

#include <spawn.h>
#include <sys/types.h>

namespace aieb {

/// A file descriptor that closes itself.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  Descriptor& operator=(Descriptor&& other) noexcept;
  Descriptor(Descriptor&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  ~Descriptor() { close(); }

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool open() const { return fd_ >= 0; }
  void close();

 private:
  int fd_ = -1;
};

struct Pipe {
  Descriptor read_end;
  Descriptor write_end;
};

/// Closed on exec. Throws EnvironmentError.
Pipe make_pipe();

/// Moves what is ready to `into`; closes the end when there is no more.
void drain(Descriptor& from, std::string& into);

/// SIGPIPE of this thread waits while it lives: a child that stops reading is no reason to end.
class NoSigpipe {
 public:
  NoSigpipe();
  ~NoSigpipe();
  NoSigpipe(const NoSigpipe&) = delete;
  NoSigpipe& operator=(const NoSigpipe&) = delete;

 private:
  sigset_t pipe_{};
  sigset_t before_{};
};

/// Starts a program, found in PATH. `actions` and `attributes` may be null. Throws
/// EnvironmentError.
pid_t spawn(const std::vector<std::string>& command, const posix_spawn_file_actions_t* actions,
            const posix_spawnattr_t* attributes, char* const* environment);

/// The standard streams of a program.
struct StreamPipes {
  const Pipe& in;
  const Pipe& out;
  const Pipe& err;
};

/// Starts a program on these pipes. The ends that it uses stay open here too. Throws
/// EnvironmentError.
pid_t spawn_piped(const std::vector<std::string>& command, const StreamPipes& streams);
pid_t spawn_piped(const std::vector<std::string>& command, const StreamPipes& streams,
                  const posix_spawnattr_t* attributes, char* const* environment);

}  // namespace aieb
