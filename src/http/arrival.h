#pragma once

#include <cstddef>
#include <cstdint>

namespace aieb::http {

/// When bytes came in, as the kernel stamped them, instead of when this process got to read them:
/// with a thousand streams an event waits its turn for milliseconds, and that wait is the client's,
/// not the server's.
class ArrivalClock {
 public:
  /// Asks the kernel to stamp what a TCP socket receives. Without effect where it does not.
  static void enable(int fd);

  /// Relates the kernel's clock (CLOCK_REALTIME) to the monotonic one; once a round is enough.
  void sync();

  /// Time of the last segment among the next `bytes` bytes that wait in the socket, on
  /// CLOCK_MONOTONIC, never later than now; 0 when nothing waits or nothing was stamped. Takes one
  /// system call and leaves the bytes where they are.
  [[nodiscard]] int64_t last_arrival_ns(int fd, size_t bytes) const;

 private:
  int64_t wall_minus_monotonic_ns_ = 0;
};

}  // namespace aieb::http
