// aieb_bench_http_client: what the server client itself adds to the times it reports, against
// aieb_mock_server, whose times are known. See bench/http_client.md.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/vllm/server_backend.h"
#include "core/clock.h"
#include "core/error.h"

namespace {

using namespace aieb;

struct Options {
  std::string mock;
  int streams = 1;
  int requests = 0;  ///< 0: three a stream
  int tokens = 100;
  double ttft_ms = 50;
  double itl_ms = 10;
  double rate = 0;  ///< above 0: open loop at this many requests a second
};

/// aieb_mock_server as a child; its standard input is the pipe that ends it.
class Mock {
 public:
  explicit Mock(const Options& options) {
    std::array<int, 2> in{};
    std::array<int, 2> out{};
    if (pipe(in.data()) != 0 || pipe(out.data()) != 0) std::abort();
    pid_ = fork();
    if (pid_ == 0) {
      dup2(in[0], STDIN_FILENO);
      dup2(out[1], STDOUT_FILENO);
      for (const int fd : {in[0], in[1], out[0], out[1]}) close(fd);
      const std::string ttft = std::to_string(options.ttft_ms);
      const std::string itl = std::to_string(options.itl_ms);
      execl(options.mock.c_str(), "aieb_mock_server", "--ttft-ms", ttft.c_str(), "--itl-ms",
            itl.c_str(), nullptr);
      _exit(127);
    }
    close(in[0]);
    close(out[1]);
    stdin_ = in[1];
    output_ = fdopen(out[0], "r");
    if (std::fscanf(output_, "%d", &port_) != 1) {
      fmt::print(stderr, "the mock did not start: {}\n", options.mock);
      std::exit(3);
    }
  }
  ~Mock() { stop(); }
  Mock(const Mock&) = delete;
  Mock& operator=(const Mock&) = delete;

  /// Ends the mock; what it says of its own lateness.
  std::string stop() {
    if (pid_ == 0) return {};
    close(stdin_);
    std::array<char, 256> line{};
    std::fgetc(output_);  // the line end after the port
    const char* read = std::fgets(line.data(), line.size(), output_);
    std::fclose(output_);
    rusage usage{};
    wait4(pid_, nullptr, 0, &usage);
    pid_ = 0;
    const double cpu_s =
        static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
        1e-6 * static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
    std::string text = read == nullptr ? "" : read;
    while (text.ends_with('\n')) text.pop_back();
    return fmt::format("{} cpu_s {:.2f}", text, cpu_s);
  }

  [[nodiscard]] int port() const { return port_; }

 private:
  pid_t pid_ = 0;
  int stdin_ = -1;
  std::FILE* output_ = nullptr;
  int port_ = 0;
};

class Collector final : public EventSink {
 public:
  explicit Collector(size_t count) { records.reserve(count); }
  void request_started(const RequestRecord&) override {}
  void tokens_arrived(int) override {}
  void request_finished(RequestRecord record) override { records.push_back(std::move(record)); }
  void phase_begin(const Phase&) override {}
  void phase_end(const Phase&) override {}
  void domain(const Domain&) override {}
  void samples(const std::vector<Sample>&) override {}
  void event(TraceEvent) override {}
  std::vector<RequestRecord> records;
};

struct Series {
  std::vector<double> values;
  [[nodiscard]] double mean() const {
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
  }
  [[nodiscard]] double sigma() const {
    const double m = mean();
    double sum = 0;
    for (const double v : values) sum += (v - m) * (v - m);
    return std::sqrt(sum / static_cast<double>(values.size()));
  }
  double quantile(double q) {
    const auto at = static_cast<size_t>(q * static_cast<double>(values.size() - 1));
    std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(at),
                     values.end());
    return values[at];
  }
};

Workload make_workload(const Options& options) {
  Workload workload;
  workload.load.mode = options.rate > 0 ? "poisson" : "closed";
  workload.load.concurrency = options.rate > 0 ? 1 : options.streams;
  const int count = options.requests > 0 ? options.requests : options.streams * 3;
  std::mt19937_64 random(1);
  std::exponential_distribution<double> gap_s(options.rate > 0 ? options.rate : 1);
  double at_s = 0;
  for (int i = 0; i < count; ++i) {
    Request request;
    request.id = i;
    request.messages = {{"user", "Name five colours and say where each is seen in nature."}};
    request.params.max_new_tokens = options.tokens;
    if (options.rate > 0) workload.load.arrivals_ns.push_back(nanoseconds(at_s += gap_s(random)));
    workload.requests.push_back(std::move(request));
  }
  return workload;
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         1e-6 * static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

double resident_mb() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

void report(const Options& options, const Collector& sink, double wall_s, double cpu_s,
            double mb_before) {
  Series ttft;
  Series itl;
  Series lag;
  int64_t ok = 0;
  int64_t tokens = 0;
  for (const RequestRecord& r : sink.records) {
    const bool whole = r.status == RequestStatus::kOk && r.output_tokens == options.tokens;
    if (!whole) {
      if (ok < 3) fmt::print(stderr, "not whole: {} {}\n", r.error_class, r.error);
      continue;
    }
    ++ok;
    tokens += *r.output_tokens;
    ttft.values.push_back(static_cast<double>(*r.first_token_ns - *r.sent_ns) / 1e6 -
                          options.ttft_ms);
    if (r.planned_ns) lag.values.push_back(static_cast<double>(*r.sent_ns - *r.planned_ns) / 1e3);
    for (size_t i = 1; i < r.token_times.size(); ++i) {
      itl.values.push_back(static_cast<double>(r.token_times[i].t_ns - r.token_times[i - 1].t_ns) /
                           1e6);
    }
  }
  fmt::print("requests {} lost {} wall_s {:.2f} requests_per_s {:.0f} tokens_per_s {:.0f}\n",
             sink.records.size(), static_cast<int64_t>(sink.records.size()) - ok, wall_s,
             static_cast<double>(ok) / wall_s, static_cast<double>(tokens) / wall_s);
  if (ok > 0) {
    fmt::print("ttft_error_ms mean {:.3f} p50 {:.3f} p99 {:.3f} max {:.3f}\n", ttft.mean(),
               ttft.quantile(0.5), ttft.quantile(0.99), ttft.quantile(1));
  }
  if (!itl.values.empty()) {
    fmt::print("itl_ms mean {:.4f} sigma {:.4f} p99 {:.3f}\n", itl.mean(), itl.sigma(),
               itl.quantile(0.99));
  }
  if (!lag.values.empty()) {
    fmt::print("send_lag_us mean {:.1f} p50 {:.1f} p99 {:.1f} max {:.1f}\n", lag.mean(),
               lag.quantile(0.5), lag.quantile(0.99), lag.quantile(1));
  }
  fmt::print(
      "client cpu_s {:.2f} ({:.0f} % of a core) peak_rss_mb {:.1f} (before the run {:.1f})\n",
      cpu_s, 100 * cpu_s / wall_s, resident_mb(), mb_before);
}

int run(const Options& options) {
  Mock mock(options);
  BackendConfig backend;
  backend.model = "mock";
  backend.endpoint = fmt::format("http://127.0.0.1:{}/v1", mock.port());
  ScenarioConfig scenario;
  scenario.load.mode = options.rate > 0 ? "poisson" : "closed";
  scenario.load.concurrency = options.streams;
  const auto server = make_server_backend(backend, scenario);
  server->validate();
  server->load();
  const Workload workload = make_workload(options);
  Collector sink(workload.requests.size());
  RunContext context{sink, {}, 0};
  const double mb_before = resident_mb();
  const double cpu_before = cpu_seconds();
  const int64_t begin_ns = now_ns();
  server->run(workload, context);
  report(options, sink, seconds(now_ns() - begin_ns), cpu_seconds() - cpu_before, mb_before);
  fmt::print("mock {}\n", mock.stop());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("What the server client adds to the times it reports");
  options.mock = std::string(argv[0]);
  options.mock = options.mock.substr(0, options.mock.rfind('/') + 1) + "aieb_mock_server";
  app.add_option("--mock", options.mock, "the mock server's program");
  app.add_option("--streams", options.streams, "closed loop: requests in flight");
  app.add_option("--requests", options.requests, "in all; 0: three a stream");
  app.add_option("--tokens", options.tokens, "a request");
  app.add_option("--ttft-ms", options.ttft_ms);
  app.add_option("--itl-ms", options.itl_ms);
  app.add_option("--rate", options.rate, "open loop: requests a second");
  CLI11_PARSE(app, argc, argv);
  try {
    return run(options);
  } catch (const Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return static_cast<int>(error.exit_code());
  }
}
