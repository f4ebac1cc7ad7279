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

int64_t ArrivalClock::last_arrival_ns(int fd, size_t bytes) const {
  // With MSG_TRUNC a TCP socket counts the bytes without copying them anywhere.
  iovec nowhere{nullptr, bytes};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(timespec))];
  msghdr message{};
  message.msg_iov = &nowhere;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  if (recvmsg(fd, &message, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT) <= 0) return 0;
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_level != SOL_SOCKET ||
      header->cmsg_type != SCM_TIMESTAMPNS) {
    return 0;
  }
  timespec stamp{};
  std::memcpy(&stamp, CMSG_DATA(header), sizeof stamp);
  const int64_t wall = int64_t{stamp.tv_sec} * 1'000'000'000 + stamp.tv_nsec;
  return std::min(wall - wall_minus_monotonic_ns_, now_ns());
}

}  // namespace aieb::http
