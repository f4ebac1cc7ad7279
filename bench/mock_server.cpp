// aieb_mock_server: the built-in mock server (src/mock) as a program. It prints its port, serves
// until its standard input closes, and then prints what it knows of its own lateness.
#include "mock/mock_server.h"

#include <cstdio>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "core/error.h"

int main(int argc, char** argv) {
  aieb::MockSettings settings;
  CLI::App app("An OpenAI-compatible server with known times, to measure clients with");
  app.add_option("--port", settings.port, "0: a free one, which is printed");
  app.add_option("--ttft-ms", settings.ttft_ms, "from the request to the first token");
  app.add_option("--itl-ms", settings.itl_ms, "between tokens");
  app.add_option("--tokens", settings.tokens, "when the request names no max_tokens");
  app.add_option("--model", settings.model, "the one model it lists");
  CLI11_PARSE(app, argc, argv);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  prctl(PR_SET_TIMERSLACK, 1);
  try {
    aieb::MockServer server(settings);
    fmt::print("{}\n", server.port());
    std::fflush(stdout);
    server.serve(STDIN_FILENO);
    const aieb::MockLateness& late = server.lateness();
    fmt::print("tokens {} late_mean_us {:.1f} late_p99_us {:.0f}\n", late.count(),
               late.mean_s() * 1e6, late.p99_s() * 1e6);
    return 0;
  } catch (const aieb::Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return static_cast<int>(error.exit_code());
  }
}
