#include "http/arrival.h"

#include <algorithm>
#include <cstring>
#include <ctime>

#include <sys/socket.h>

#include "core/clock.h"

namespace aieb::http {

void ArrivalClock::enable(int fd) {
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
}

void ArrivalClock::sync() { wall_minus_monotonic_ns_ = wall_ns() - now_ns(); }

/// As recv(2), and when the last segment of it came in; 0: not stamped.
ssize_t ArrivalClock::receive(int fd, iovec into, int flags, int64_t& last_ns) const {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(timespec))];
  msghdr message{};
  message.msg_iov = &into;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const ssize_t count = recvmsg(fd, &message, flags | MSG_DONTWAIT);
  last_ns = 0;
  if (count <= 0) return count;
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_level != SOL_SOCKET ||
      header->cmsg_type != SCM_TIMESTAMPNS) {
    return count;
  }
  timespec stamp{};
  std::memcpy(&stamp, CMSG_DATA(header), sizeof stamp);
  const int64_t wall = int64_t{stamp.tv_sec} * 1'000'000'000 + stamp.tv_nsec;
  last_ns = std::min(wall - wall_minus_monotonic_ns_, now_ns());
  return count;
}

ArrivalClock::Peeked ArrivalClock::peek(int fd, size_t bytes) const {
  // With MSG_TRUNC a TCP socket counts the bytes without copying them anywhere.
  int64_t last_ns = 0;
  const ssize_t waiting = receive(fd, {nullptr, bytes}, MSG_PEEK | MSG_TRUNC, last_ns);
  return waiting <= 0 ? Peeked{} : Peeked{static_cast<size_t>(waiting), last_ns};
}

ssize_t ArrivalClock::read(int fd, std::span<char> into, bool late, Arrival& arrival) const {
  arrival = {};
  int64_t first_ns = 0;
  if (late) {
    const ssize_t waiting = receive(fd, {nullptr, 1}, MSG_PEEK | MSG_TRUNC, first_ns);
    if (waiting <= 0) return waiting;  // an error is told only once
  }
  int64_t last_ns = 0;
  const ssize_t count = receive(fd, {into.data(), into.size()}, 0, last_ns);
  // A segment that was sent again may fill a gap before ones that had come earlier.
  if (last_ns != 0) arrival = {first_ns != 0 ? first_ns : last_ns, std::max(first_ns, last_ns)};
  return count;
}

Arrival ArrivalClock::waiting(int fd, size_t bytes) {
  const Peeked all = peek(fd, bytes);
  if (all.last_ns == 0) return {};
  const auto index = static_cast<size_t>(fd);
  if (index >= segment_bytes_.size()) segment_bytes_.resize(index * 2 + 16);
  size_t& one_segment = segment_bytes_[index];
  int64_t first_ns = all.last_ns;
  if (2 * all.bytes > 3 * one_segment) first_ns = peek(fd, 1).last_ns;
  if (first_ns == all.last_ns) one_segment = all.bytes;
  return {first_ns, all.last_ns};
}

void ArrivalClock::expect_other_sizes(int fd) {
  const auto index = static_cast<size_t>(fd);
  if (index < segment_bytes_.size()) segment_bytes_[index] = 0;
}

}  // namespace aieb::http
