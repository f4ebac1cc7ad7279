#include "cli/endpoint_probe.h"

#include <cstring>
#include <string>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "reporters/temporary_folder.h"

namespace aieb::cli {
namespace {

/// A socket that listens on a free port of this host while it lives.
class Listener {
 public:
  Listener() : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(listen(fd_, 1), 0);
    socklen_t size = sizeof address;
    getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }
  ~Listener() { close_now(); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  void close_now() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }
  [[nodiscard]] std::string url() const {
    return "http://127.0.0.1:" + std::to_string(port_) + "/v1";
  }

 private:
  int fd_;
  int port_ = 0;
};

TEST(EndpointProbe, sees_a_listening_port_and_its_end) {
  Listener listener;
  EXPECT_TRUE(something_listens(listener.url()));
  listener.close_now();
  EXPECT_FALSE(something_listens(listener.url()));
}

TEST(EndpointProbe, sees_a_unix_socket) {
  const testing::TemporaryFolder folder;
  const std::string path = folder / "s";
  EXPECT_FALSE(something_listens("unix:" + path));
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size());
  ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(fd, 1), 0);
  EXPECT_TRUE(something_listens("unix:" + path));
  close(fd);
}

TEST(EndpointProbe, finds_nothing_at_a_name_that_does_not_exist) {
  EXPECT_FALSE(something_listens("http://no-such-host.invalid:8000/v1"));
}

}  // namespace
}  // namespace aieb::cli
