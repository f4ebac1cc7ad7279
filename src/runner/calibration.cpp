#include "runner/calibration.h"

#include <algorithm>
#include <cmath>
#include <csignal>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "backends/vllm/server_backend.h"
#include "core/clock.h"
#include "core/cpu_time.h"
#include "mock/mock_server.h"
#include "runner/arrivals.h"
#include "runner/load_shape.h"

namespace aieb {
namespace {

constexpr double kMostTokensPerSecond = 100'000;
constexpr int kMostTokens = 16;
constexpr double kShortestInterval_ms = 10;
constexpr double kIntervalsToFirst = 5;

/// Descriptors that neither end of a connection takes.
constexpr rlim_t kOtherDescriptors = 512;

/// What a calibration asks of the mock and of the client.
struct Setup {
  MockSettings mock;
  Workload workload;
  double rate = 0;
  int concurrency = 1;
};

int affordable(int concurrency) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_max == RLIM_INFINITY) return concurrency;
  const rlim_t most =
      limit.rlim_max > kOtherDescriptors + 2 ? (limit.rlim_max - kOtherDescriptors) / 2 : 1;
  return static_cast<int>(std::min(static_cast<rlim_t>(concurrency), most));
}

Request probe_request(int tokens) {
  Request request;
  request.messages = {{"user", "Name five colours and say where each is seen in nature."}};
  request.params.max_new_tokens = tokens;
  return request;
}

/// Milliseconds from one token to the next that keep `streams` below the most tokens a second.
double interval_ms(int streams) {
  return std::max(kShortestInterval_ms, 1e3 * streams / kMostTokensPerSecond);
}

Setup closed_setup(const CalibrationLoad& load) {
  Setup setup;
  setup.concurrency = affordable(load.concurrency);
  setup.mock.itl_ms = interval_ms(setup.concurrency);
  setup.mock.tokens = std::clamp(load.tokens, 1, kMostTokens);
  setup.workload.load.mode = "closed";
  setup.workload.load.concurrency = setup.concurrency;
  setup.workload.load.repeat = true;
  setup.workload.load.duration_ns = nanoseconds(load.duration_s);
  return setup;
}

Setup open_setup(const CalibrationLoad& load) {
  Setup setup;
  setup.rate = *load.request_rate;
  setup.mock.itl_ms = kShortestInterval_ms;
  const int affordable_tokens = static_cast<int>(kMostTokensPerSecond / setup.rate);
  setup.mock.tokens = std::clamp(std::min(load.tokens, affordable_tokens), 1, kMostTokens);
  setup.workload.load.mode = "poisson";
  const auto most = static_cast<size_t>(std::ceil(setup.rate * load.duration_s)) + 1;
  setup.workload.load.arrivals_ns =
      plan_arrivals(ArrivalKind::kPoisson, 1, {{load.duration_s, setup.rate, setup.rate}}, most, 1);
  if (setup.workload.load.arrivals_ns.empty()) setup.workload.load.arrivals_ns = {0};
  return setup;
}

/// The mock server in a thread of its own.
class MockThread {
 public:
  explicit MockThread(const MockSettings& settings) : server_(settings) {
    // Signals belong to the threads that expect them.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([this] {
      prctl(PR_SET_TIMERSLACK, 1);
      server_.serve();
    });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  ~MockThread() { stop(); }
  MockThread(const MockThread&) = delete;
  MockThread& operator=(const MockThread&) = delete;

  [[nodiscard]] int port() const { return server_.port(); }
  /// Ends the server; how late its tokens left.
  const MockLateness& stop() {
    server_.stop();
    if (thread_.joinable()) thread_.join();
    return server_.lateness();
  }

 private:
  MockServer server_;
  std::thread thread_;
};

/// Compares what is recorded with what the mock did.
class Comparison final : public EventSink {
 public:
  explicit Comparison(const MockSettings& mock) : mock_(mock) {}

  void request_started(const RequestRecord&) override {}
  void tokens_arrived(int count) override { tokens_ += count; }
  void request_finished(RequestRecord r) override {
    ++requests_;
    if (r.status != RequestStatus::kOk || r.output_tokens != mock_.tokens) {
      ++lost_;
      return;
    }
    ttft_errors_.push_back(seconds(*r.first_token_ns - *r.sent_ns) - mock_.ttft_ms / 1e3);
    if (r.planned_ns) lags_.push_back(seconds(*r.sent_ns - *r.planned_ns));
    for (size_t i = 1; i < r.token_times.size(); ++i) {
      intervals_.push_back(seconds(r.token_times[i].t_ns - r.token_times[i - 1].t_ns));
    }
  }
  void phase_begin(const Phase&) override {}
  void phase_end(const Phase&) override {}
  void domain(const Domain&) override {}
  void samples(const std::vector<Sample>&) override {}
  void event(TraceEvent) override {}

  void fill(Calibration& out) {
    out.requests = requests_;
    out.lost = lost_;
    out.requests_per_s = static_cast<double>(requests_ - lost_) / out.measured_s;
    out.tokens_per_s = static_cast<double>(tokens_) / out.measured_s;
    out.ttft_error_mean_s = mean(ttft_errors_);
    out.ttft_error_p99_s = p99(ttft_errors_);
    if (!intervals_.empty()) {
      out.itl_s = mock_.itl_ms / 1e3;
      out.itl_std_s = deviation(intervals_);
    }
    if (!lags_.empty()) out.send_lag_p99_s = p99(lags_);
  }

 private:
  static double mean(const std::vector<double>& values) {
    double sum = 0;
    for (const double value : values) sum += value;
    return values.empty() ? 0 : sum / static_cast<double>(values.size());
  }
  static double deviation(const std::vector<double>& values) {
    const double centre = mean(values);
    double sum = 0;
    for (const double value : values) sum += (value - centre) * (value - centre);
    return std::sqrt(sum / static_cast<double>(values.size()));
  }
  static double p99(std::vector<double>& values) {
    if (values.empty()) return 0;
    const auto at = static_cast<std::ptrdiff_t>(0.99 * static_cast<double>(values.size() - 1));
    std::nth_element(values.begin(), values.begin() + at, values.end());
    return values[static_cast<size_t>(at)];
  }

  const MockSettings& mock_;
  int64_t requests_ = 0;
  int64_t lost_ = 0;
  int64_t tokens_ = 0;
  std::vector<double> ttft_errors_;
  std::vector<double> lags_;
  std::vector<double> intervals_;
};

std::unique_ptr<Backend> client_of(const Setup& setup, int port) {
  BackendConfig backend;
  backend.model = setup.mock.model;
  backend.endpoint = fmt::format("http://127.0.0.1:{}/v1", port);
  ScenarioConfig scenario;
  scenario.load.mode = setup.workload.load.mode;
  scenario.load.concurrency = 2 * setup.concurrency;  // both ends are in this process
  scenario.circuit_breaker.consecutive_failures = 0;
  return make_server_backend(backend, scenario);
}

/// Requests in the busiest second of an open loop.
double busiest_rate(const std::vector<int64_t>& arrivals_ns) {
  constexpr int64_t kSecond = 1'000'000'000;
  size_t first = 0;
  size_t most = 0;
  for (size_t i = 0; i < arrivals_ns.size(); ++i) {
    while (arrivals_ns[i] - arrivals_ns[first] >= kSecond) ++first;
    most = std::max(most, i - first + 1);
  }
  return static_cast<double>(std::max<size_t>(most, 1));
}

}  // namespace

CalibrationLoad calibration_load(const BenchmarkConfig& config, const Workload& workload) {
  CalibrationLoad load;
  for (const Request& request : workload.requests) {
    load.tokens = std::min(load.tokens, request.params.max_new_tokens);
  }
  if (is_open_loop(config.scenario.load)) {
    load.request_rate = config.scenario.load.request_rate;
    if (!load.request_rate) load.request_rate = busiest_rate(workload.load.arrivals_ns);
    return load;
  }
  load.concurrency = workload.load.concurrency;
  for (const ConcurrencyStage& stage : workload.load.stages) {
    load.concurrency = std::max({load.concurrency, stage.from, stage.to});
  }
  return load;
}

bool wants_calibration(const BenchmarkConfig& config) {
  const LoadConfig& load = config.scenario.load;
  return load.calibrate == "auto" ? load.mode != "sequential" : load.calibrate == "true";
}

Calibration calibrate(const CalibrationLoad& load, std::stop_token stop) {
  Setup setup = load.request_rate ? open_setup(load) : closed_setup(load);
  setup.mock.ttft_ms = kIntervalsToFirst * setup.mock.itl_ms;
  setup.workload.requests = {probe_request(setup.mock.tokens)};
  MockThread mock(setup.mock);
  const std::unique_ptr<Backend> client = client_of(setup, mock.port());
  client->load();
  Comparison comparison(setup.mock);
  RunContext context{comparison, std::move(stop), 0};

  const int64_t begin_ns = now_ns();
  const double busy_before_s = thread_cpu_s();
  client->run(setup.workload, context);
  Calibration out;
  out.measured_s = seconds(now_ns() - begin_ns);
  out.sending_busy = (thread_cpu_s() - busy_before_s) / out.measured_s;
  out.mode = setup.workload.load.mode;
  out.concurrency = load.request_rate ? 0 : setup.concurrency;
  out.request_rate = load.request_rate;
  comparison.fill(out);
  out.server_late_mean_s = mock.stop().mean_s();
  return out;
}

}  // namespace aieb
