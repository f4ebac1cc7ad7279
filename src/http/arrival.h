#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <sys/types.h>
#include <sys/uio.h>

namespace aieb::http {

/// When the bytes of one read came in, on CLOCK_MONOTONIC: its first and its last segment. Equal
/// where there was one, or where the kernel does not say and both are the time of reading.
struct Arrival {
  Arrival() = default;
  Arrival(int64_t at_ns) : first_ns(at_ns), last_ns(at_ns) {}  // NOLINT: one segment is a time
  Arrival(int64_t first, int64_t last) : first_ns(first), last_ns(last) {}

  int64_t first_ns = 0;
  int64_t last_ns = 0;
};

/// When bytes came in, as the kernel stamped them, instead of when this process got to read them:
/// with a thousand streams an event waits its turn for milliseconds, and that wait is the client's,
/// not the server's.
class ArrivalClock {
 public:
  /// Asks the kernel to stamp what a TCP socket receives. Without effect where it does not.
  static void enable(int fd);

  /// Relates the kernel's clock (CLOCK_REALTIME) to the monotonic one; once a round is enough.
  void sync();

  /// Of the next `bytes` bytes that wait in the socket, never later than now; zeros when nothing
  /// waits or nothing was stamped. The bytes stay where they are. One system call, and a second one
  /// when more waits than came at once before.
  [[nodiscard]] Arrival waiting(int fd, size_t bytes);

  /// Reads what a socket has, with the time of its arrival (zeros: not stamped), in one system
  /// call; `late`: the bytes may have waited while others came, which costs a second one. As
  /// recv(2).
  ssize_t read(int fd, std::span<char> into, bool late, Arrival& arrival) const;

  /// What comes next will not have the size of what came before: the response's head is over.
  void expect_other_sizes(int fd);

 private:
  struct Peeked {
    size_t bytes = 0;
    int64_t last_ns = 0;  ///< of the last segment among them; 0: not stamped
  };
  [[nodiscard]] Peeked peek(int fd, size_t bytes) const;
  ssize_t receive(int fd, iovec into, int flags, int64_t& last_ns) const;

  int64_t wall_minus_monotonic_ns_ = 0;
  /// By descriptor: size of the last read that was one segment; 0: not known.
  std::vector<size_t> segment_bytes_;
};

}  // namespace aieb::http
