// TLS against OpenSSL's own test server, which nobody here wrote.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/clock.h"
#include "http/client.h"
#include "http/script_server.h"

namespace aieb::http {
namespace {

/// A program that runs until the object goes.
class Process {
 public:
  explicit Process(const std::vector<std::string>& command) : pid_(fork()) {
    if (pid_ != 0) return;
    std::vector<char*> arguments;
    for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    freopen("/dev/null", "w", stdout);
    freopen("/dev/null", "w", stderr);
    execvp(arguments[0], arguments.data());
    _exit(127);
  }
  ~Process() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

 private:
  pid_t pid_;
};

bool listens(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  const bool open = connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  close(fd);
  return open;
}

/// A self-signed certificate for localhost, made once; and servers that show it.
struct Tls : testing::Test {
  static void SetUpTestSuite() {
    folder_ = testing::TempDir() + "aieb_tls_" + std::to_string(getpid());
    std::filesystem::create_directory(folder_);
    made_ =
        std::system(("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
                     "-days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout " +
                     key() + " -out " + certificate() + " 2>/dev/null")
                        .c_str()) == 0;
  }
  static void TearDownTestSuite() { std::filesystem::remove_all(folder_); }
  void SetUp() override {
    if (!made_) GTEST_SKIP() << "the openssl program is not installed";
  }

  static std::string key() { return folder_ + "/key.pem"; }
  static std::string certificate() { return folder_ + "/certificate.pem"; }

  /// Starts the server, with further options; it answers every GET with a page about the session.
  void serve(const std::vector<std::string>& more = {}) {
    port_ = testing_support::closed_port();
    std::vector<std::string> command = {"openssl", "s_server",    "-accept", std::to_string(port_),
                                        "-cert",   certificate(), "-key",    key(),
                                        "-www"};
    command.insert(command.end(), more.begin(), more.end());
    server_ = std::make_unique<Process>(command);
    for (int i = 0; i < 500 && !listens(port_); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }

  FetchResult get(const TlsOptions& tls, const std::string& host = "localhost") const {
    ClientOptions options;
    options.tls = tls;
    options.bypass_proxy = true;
    Client client(options);
    return client.fetch(
        {"https://" + host + ":" + std::to_string(port_) + "/", {}, nanoseconds(10)});
  }

  static inline std::string folder_;
  static inline bool made_ = false;
  int port_ = 0;
  std::unique_ptr<Process> server_;
};

TEST_F(Tls, refuses_a_certificate_that_nobody_known_has_signed) {
  serve();
  EXPECT_EQ(get({}).outcome.error, ErrorClass::kTls);
}

TEST_F(Tls, accepts_the_users_own_authority) {
  serve();
  const FetchResult result = get({certificate(), "", ""});
  EXPECT_EQ(result.outcome.error, ErrorClass::kNone) << result.outcome.message;
  EXPECT_EQ(result.outcome.status, 200);
}

TEST_F(Tls, refuses_a_certificate_of_another_name) {
  serve();
  EXPECT_EQ(get({certificate(), "", ""}, "127.0.0.1").outcome.error, ErrorClass::kTls);
}

TEST_F(Tls, shows_a_client_certificate_to_a_server_that_wants_one) {
  serve({"-Verify", "1", "-verify_return_error", "-CAfile", certificate()});
  EXPECT_NE(get({certificate(), "", ""}).outcome.error, ErrorClass::kNone);
  const FetchResult result = get({certificate(), certificate(), key()});
  EXPECT_EQ(result.outcome.error, ErrorClass::kNone) << result.outcome.message;
}

TEST_F(Tls, names_a_file_that_is_not_there) {
  serve();
  EXPECT_EQ(get({folder_ + "/missing.pem", "", ""}).outcome.error, ErrorClass::kTls);
}

}  // namespace
}  // namespace aieb::http
