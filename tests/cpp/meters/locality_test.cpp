#include "meters/locality.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "meters/fake_tree.h"
#include "meters/listening_sockets.h"
#include "meters/processes.h"

namespace aieb {
namespace {

using test::FakeTree;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

/// Listens on an address at a free port; -1 when the machine has no such address family.
int listen_on(const std::string& address, bool v6) {
  const int socket = ::socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0);
  sockaddr_in v4_address{};
  v4_address.sin_family = AF_INET;
  sockaddr_in6 v6_address{};
  v6_address.sin6_family = AF_INET6;
  ::inet_pton(v6 ? AF_INET6 : AF_INET, address.c_str(),
              v6 ? static_cast<void*>(&v6_address.sin6_addr) : &v4_address.sin_addr);
  const auto* any =
      v6 ? reinterpret_cast<sockaddr*>(&v6_address) : reinterpret_cast<sockaddr*>(&v4_address);
  const socklen_t size = v6 ? sizeof(v6_address) : sizeof(v4_address);
  if (socket < 0 || ::bind(socket, any, size) != 0 || ::listen(socket, 4) != 0) return -1;
  return socket;
}

int port_of(int socket) {
  sockaddr_in6 address{};
  socklen_t size = sizeof(address);
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin6_port);  // at the same offset in sockaddr_in
}

/// A server process of its own group that listens, with a worker process; ended with the object.
class Server {
 public:
  explicit Server(const std::string& address, bool v6 = false) {
    int pipe[2];
    if (::pipe(pipe) != 0) return;
    pid_ = ::fork();
    if (pid_ == 0) {
      ::setpgid(0, 0);
      const pid_t worker = ::fork();
      if (worker == 0) {
        ::close(pipe[0]);
        ::close(pipe[1]);
        for (;;) ::pause();
      }
      const int socket = listen_on(address, v6);
      const int told[2] = {socket < 0 ? 0 : port_of(socket), worker};
      (void)!::write(pipe[1], told, sizeof(told));
      for (;;) ::pause();
    }
    int told[2] = {0, 0};
    (void)!::read(pipe[0], told, sizeof(told));
    ::close(pipe[0]);
    ::close(pipe[1]);
    port_ = told[0];
    worker_ = told[1];
  }
  ~Server() {
    if (worker_ > 0) ::kill(worker_, SIGKILL);
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] int pid() const { return pid_; }
  [[nodiscard]] int worker() const { return worker_; }

 private:
  int pid_ = 0;
  int worker_ = 0;
  int port_ = 0;
};

TEST(Locality, a_server_process_on_this_machine_is_found_with_its_workers) {
  const Server server("127.0.0.1");
  for (const char* host : {"127.0.0.1", "localhost"}) {
    const Locality found = locate_server(host, server.port());
    EXPECT_TRUE(found.local) << found.reason;
    EXPECT_THAT(found.pids, ElementsAre(server.pid(), server.worker()));
    EXPECT_THAT(found.pids, Not(Contains(::getpid())));
  }
}

TEST(Locality, a_server_on_any_address_is_found_by_every_address_of_the_machine) {
  const Server server("0.0.0.0");
  EXPECT_TRUE(locate_server("127.0.0.1", server.port()).local);
  for (const IpAddress& address : own_addresses()) {
    if (is_ipv4(address)) {
      EXPECT_TRUE(locate_server(to_text(address), server.port()).local) << to_text(address);
    }
  }
}

TEST(Locality, ipv6_is_found_with_and_without_brackets) {
  const Server server("::1", true);
  if (server.port() == 0) GTEST_SKIP() << "no IPv6 here";
  EXPECT_TRUE(locate_server("::1", server.port()).local);
  EXPECT_TRUE(locate_server("[::1]", server.port()).local);
  EXPECT_FALSE(locate_server("127.0.0.1", server.port()).local);
}

TEST(Locality, a_dual_stack_server_is_found_through_ipv4) {
  const Server server("::", true);
  if (server.port() == 0) GTEST_SKIP() << "no IPv6 here";
  EXPECT_TRUE(locate_server("127.0.0.1", server.port()).local);
}

TEST(Locality, another_machine_is_remote_even_if_the_port_is_open_here) {
  const Server server("0.0.0.0");
  const Locality found = locate_server("192.0.2.7", server.port());
  EXPECT_FALSE(found.local);
  EXPECT_THAT(found.reason, HasSubstr("192.0.2.7"));
  EXPECT_THAT(found.reason, HasSubstr("metrics.scope: local"));
}

TEST(Locality, endpoints_are_urls_in_any_of_their_forms) {
  const Server server("127.0.0.1");
  const std::string port = std::to_string(server.port());
  for (const std::string& url :
       {"http://127.0.0.1:" + port + "/v1", "http://localhost:" + port, "127.0.0.1:" + port,
        "https://user:secret@127.0.0.1:" + port + "/prefix/v1?x=1"}) {
    EXPECT_TRUE(locate_endpoint(url).local) << url;
  }
  EXPECT_THAT(locate_endpoint("http://192.0.2.7/v1").reason, HasSubstr("192.0.2.7"));
  EXPECT_THAT(locate_endpoint("http://[2001:db8::1]:8000/v1").reason, HasSubstr("2001:db8::1"));
  EXPECT_THAT(locate_endpoint("http://").reason, HasSubstr("names no host"));
}

TEST(Locality, a_closed_port_is_not_local) {
  int port = 0;
  {
    const Server server("127.0.0.1");
    port = server.port();
  }
  EXPECT_THAT(locate_server("127.0.0.1", port).reason, HasSubstr("network namespace"));
}

TEST(Locality, a_name_that_does_not_resolve_is_remote) {
  EXPECT_THAT(locate_server("no-such-host.invalid", 80).reason, HasSubstr("does not resolve"));
}

class FakeProc : public ::testing::Test {
 protected:
  FakeProc() {
    proc.write(
        "net/tcp",
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  "
        "timeout inode\n"
        "   0: 0100007F:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0   "
        "     0 777 1 0000000000000000 100 0 0 10 0\n"
        "   1: 0100007F:1F41 0100007F:1F40 01 00000000:00000000 00:00000000 00000000     0   "
        "     0 778 1 0000000000000000 100 0 0 10 0\n");
  }
  void add_process(int pid, const std::string& command, int parent, int group) const {
    const std::string id = std::to_string(pid);
    proc.write(id + "/stat", id + " (" + command + ") S " + std::to_string(parent) + " " +
                                 std::to_string(group) + " 1 0 -1\n");
  }
  void open_socket(int pid, int inode) const {
    const std::string folder = proc.path(std::to_string(pid) + "/fd");
    std::filesystem::create_directories(folder);
    std::filesystem::create_symlink("socket:[" + std::to_string(inode) + "]", folder + "/7");
  }
  FakeTree proc;
};

TEST_F(FakeProc, only_listening_sockets_count) {
  const auto sockets = listening_sockets(proc.root());
  ASSERT_EQ(sockets.size(), 1);
  EXPECT_EQ(sockets[0].port, 8000);
  EXPECT_EQ(sockets[0].inode, 777);
  EXPECT_EQ(to_text(sockets[0].address), "127.0.0.1");
}

TEST_F(FakeProc, a_listener_whose_process_is_hidden_is_remote) {
  const Locality found = locate_server("127.0.0.1", 8000, proc.root());
  EXPECT_FALSE(found.local);
  EXPECT_THAT(found.reason, HasSubstr("not visible"));
}

TEST_F(FakeProc, a_tunnel_or_a_container_runtime_is_remote) {
  open_socket(50, 777);
  for (const char* command : {"ssh", "docker-proxy", "nginx"}) {
    add_process(50, command, 1, 50);
    const Locality found = locate_server("127.0.0.1", 8000, proc.root());
    EXPECT_FALSE(found.local);
    EXPECT_THAT(found.reason, HasSubstr(command));
  }
  add_process(50, "vllm", 1, 50);
  EXPECT_TRUE(locate_server("127.0.0.1", 8000, proc.root()).local);
}

TEST_F(FakeProc, workers_beside_the_listener_belong_to_its_launcher) {
  add_process(40, "launcher", 1, 40);
  add_process(50, "router", 40, 40);
  add_process(51, "shard (0) S 9", 40, 40);
  add_process(52, "helper", 51, 52);
  add_process(60, "unrelated", 1, 60);
  EXPECT_THAT(process_tree(list_processes(proc.root()), 50, 999), ElementsAre(40, 50, 51, 52));
}

TEST_F(FakeProc, the_script_that_started_server_and_benchmark_is_not_the_server) {
  add_process(30, "bash", 1, 30);
  add_process(40, "server", 30, 30);
  add_process(41, "worker", 40, 30);
  add_process(70, "aieb", 30, 30);
  EXPECT_THAT(process_tree(list_processes(proc.root()), 40, 70), ElementsAre(40, 41));
}

}  // namespace
}  // namespace aieb
