#include "http/arrival.h"

#include <string>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/recorder.h"

namespace aieb::http {
namespace {

/// Both ends of a TCP connection over loopback; the receiving one is stamped.
class StampedPair {
 public:
  StampedPair() {
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(listener, 1), 0);
    getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
    receiver_ = socket(AF_INET, SOCK_STREAM, 0);
    EXPECT_EQ(connect(receiver_, reinterpret_cast<sockaddr*>(&address), size), 0);
    sender_ = accept(listener, nullptr, nullptr);
    close(listener);
    const int on = 1;
    setsockopt(sender_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ArrivalClock::enable(receiver_);
    clock.sync();
    // The kernel begins to stamp a little after the first socket of the machine has asked for it.
    for (bool stamped = false; !stamped; pause_ms(1)) {
      send_segment(1);
      stamped = waiting().last_ns != 0;
      read_all();
    }
  }
  ~StampedPair() {
    close(sender_);
    close(receiver_);
  }

  /// When it was sent.
  int64_t send_segment(size_t bytes) {
    // The kernel may join a segment to one that it has acknowledged: let that wait its 40 ms.
    const int off = 0;
    setsockopt(receiver_, IPPROTO_TCP, TCP_QUICKACK, &off, sizeof off);
    const std::string data(bytes, 'x');
    const int64_t t_ns = now_ns();
    EXPECT_EQ(send(sender_, data.data(), data.size(), 0), static_cast<ssize_t>(bytes));
    return t_ns;
  }
  Arrival waiting() { return clock.waiting(receiver_, 2048); }
  void read_all() {
    char buffer[4096];
    EXPECT_GT(recv(receiver_, buffer, sizeof buffer, MSG_DONTWAIT), 0);
    clock.expect_other_sizes(receiver_);
  }

  ArrivalClock clock;

 private:
  int sender_ = -1;
  int receiver_ = -1;
};

TEST(ArrivalClock, says_when_a_segment_came_however_late_it_is_asked) {
  StampedPair pair;
  const int64_t sent_ns = pair.send_segment(200);
  const int64_t done_ns = now_ns();
  pause_ms(50);
  const Arrival arrival = pair.waiting();
  EXPECT_EQ(arrival.first_ns, arrival.last_ns);
  // The clocks are related once, between two readings of which the process may be interrupted.
  EXPECT_GE(arrival.first_ns, sent_ns - kMs);
  EXPECT_LT(arrival.first_ns, done_ns + 30 * kMs);
}

TEST(ArrivalClock, tells_the_first_segment_from_the_last) {
  StampedPair pair;
  bool apart = false;
  for (int attempt = 0; attempt < 20 && !apart; ++attempt) {
    const int64_t first_ns = pair.send_segment(200);
    pause_ms(5);
    const int64_t second_ns = pair.send_segment(200);
    pause_ms(5);
    const Arrival arrival = pair.waiting();
    pair.read_all();
    EXPECT_GE(arrival.first_ns, first_ns - kMs);
    EXPECT_GE(arrival.last_ns, second_ns - kMs);
    apart = arrival.first_ns < second_ns;  // not when the kernel has joined them
  }
  EXPECT_TRUE(apart);
}

TEST(ArrivalClock, knows_nothing_where_nothing_waits_or_nothing_is_stamped) {
  StampedPair pair;
  EXPECT_EQ(pair.waiting().last_ns, 0);
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  ArrivalClock::enable(ends[1]);
  ASSERT_EQ(send(ends[0], "x", 1, 0), 1);
  EXPECT_EQ(pair.clock.waiting(ends[1], 100).last_ns, 0);
  close(ends[0]);
  close(ends[1]);
}

}  // namespace
}  // namespace aieb::http
