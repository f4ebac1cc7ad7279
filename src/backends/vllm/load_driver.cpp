#include "backends/vllm/load_driver.h"

#include <limits>
#include <utility>

#include <fmt/format.h>

#include "backends/vllm/adapt.h"
#include "core/clock.h"
#include "core/error.h"
#include "http/event_loop.h"

namespace aieb::server {
namespace {

/// Requests begun between two looks at the sockets: a burst of new ones must not delay the reading
/// of tokens that have arrived.
constexpr int kStartsPerPoll = 8;

/// Ways of writing one request that are tried before its failure counts.
constexpr int kMaxAttempts = 4;

size_t in_flight_limit(const LoadPlan& load) {
  if (load.mode == "sequential") return 1;
  const auto concurrency = static_cast<size_t>(std::max(1, load.concurrency));
  if (load.mode == "closed" || concurrency > 1) return concurrency;
  return std::numeric_limits<size_t>::max();
}

}  // namespace

/// The state of one workload.
struct LoadDriver::Run {
  Run(LoadDriver& driver, const Workload& workload, RunContext& context)
      : driver_(driver),
        workload_(workload),
        context_(context),
        limit_(in_flight_limit(workload.load)),
        begin_ns_(now_ns()),
        chat_url_(driver.target_.endpoint.api_url(path_of(Api::kChat))),
        completions_url_(driver.target_.endpoint.api_url(path_of(Api::kCompletions))),
        shared_{context.sink, {}, {}, [this](Stream& stream, const StreamResult& result) {
                  ended(stream, result);
                }} {}

  /// However the run ends, no exchange outlives its stream.
  ~Run() {
    closing_ = true;
    driver_.client_.cancel_all();
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  void drive() {
    http::Client& client = driver_.client_;
    const std::stop_callback wake(context_.stop, [&client] { client.wake(); });
    while (!stopping()) {
      start_due();
      if (next_ == workload_.requests.size() && client.in_flight() == 0) return;
      client.poll(next_start_ns());
    }
    client.cancel_all();
    if (failures_in_row_ >= kBreakerThreshold) give_up();
  }

 private:
  [[nodiscard]] bool stopping() const {
    return closing_ || context_.stop.stop_requested() || failures_in_row_ >= kBreakerThreshold;
  }

  [[nodiscard]] bool may_start() const {
    return next_ < workload_.requests.size() && driver_.client_.in_flight() < limit_;
  }

  /// When the next request wants to start; kNever while the limit holds it back.
  [[nodiscard]] int64_t next_start_ns() const {
    return may_start() ? planned_ns(workload_.requests[next_]).value_or(0) : http::kNever;
  }

  [[nodiscard]] std::optional<int64_t> planned_ns(const Request& request) const {
    if (!request.planned_offset_ns) return std::nullopt;
    return begin_ns_ + *request.planned_offset_ns;
  }

  void start_due() {
    for (int i = 0; i < kStartsPerPoll && may_start() && next_start_ns() <= now_ns(); ++i) {
      Stream& stream = written_next();
      ready_ = nullptr;
      ++next_;
      send(stream);
    }
    // The next one is written while there is time, so that it can leave at its own.
    if (next_ < workload_.requests.size()) written_next();
  }

  /// The next request on a stream of its own, with its body in the server's present dialect.
  Stream& written_next() {
    if (ready_ == nullptr) {
      const Request& request = workload_.requests[next_];
      RequestRecord record;
      record.id = request.id;
      record.prompt_index = request.prompt_index;
      record.repeat = context_.repeat;
      record.session = request.session;
      record.planned_ns = planned_ns(request);
      ready_ = &idle_stream();
      ready_->begin(request, std::move(record));
      write(*ready_);
    } else if (!(ready_->dialect() == driver_.dialect_)) {
      write(*ready_);
    }
    return *ready_;
  }

  Stream& idle_stream() {
    if (idle_.empty()) {
      streams_.push_back(std::make_unique<Stream>(shared_));
      return *streams_.back();
    }
    Stream& stream = *idle_.back();
    idle_.pop_back();
    return stream;
  }

  void write(Stream& stream) {
    stream.write(request_body(stream.request(), driver_.target_.model, driver_.target_.profile,
                              driver_.dialect_, driver_.notices_),
                 driver_.dialect_);
  }

  void send(Stream& stream) {
    stream.queue(now_ns());
    const std::string& url = stream.dialect().api == Api::kChat ? chat_url_ : completions_url_;
    driver_.client_.start({url, stream.body(), {}}, stream);
  }

  void ended(Stream& stream, const StreamResult& result) {
    const bool again =
        !stopping() && stream.attempts() < kMaxAttempts &&
        result.error != http::ErrorClass::kNone &&
        adapt(driver_.dialect_, stream.dialect(), result.status, result.fault, driver_.notices_);
    if (again) {
      write(stream);
      send(stream);
      return;
    }
    RequestRecord record = stream.take_record(result);
    if (record.status == RequestStatus::kFailed) {
      ++failures_in_row_;
      last_failure_ = fmt::format("{} ({})", record.error, record.error_class);
    } else if (record.status == RequestStatus::kOk) {
      failures_in_row_ = 0;
    }
    context_.sink.request_finished(std::move(record));
    idle_.push_back(&stream);
  }

  [[noreturn]] void give_up() const {
    throw Error(ExitCode::kCircuitBreaker,
                fmt::format("{} requests in a row failed at {}, the last with: {}. The run was "
                            "ended; what was measured before is kept",
                            failures_in_row_, driver_.target_.endpoint.display(), last_failure_));
  }

  LoadDriver& driver_;
  const Workload& workload_;
  RunContext& context_;
  size_t limit_;
  int64_t begin_ns_;
  std::string chat_url_;
  std::string completions_url_;
  Stream::Shared shared_;
  std::vector<std::unique_ptr<Stream>> streams_;
  std::vector<Stream*> idle_;
  size_t next_ = 0;          ///< first request that has not begun
  Stream* ready_ = nullptr;  ///< the stream of that request, written; null: not yet
  bool closing_ = false;
  int failures_in_row_ = 0;
  std::string last_failure_;
};

LoadDriver::LoadDriver(http::Client& client, Target target, Dialect& dialect, Notices& notices)
    : client_(client), target_(std::move(target)), dialect_(dialect), notices_(notices) {}

void LoadDriver::run(const Workload& workload, RunContext& context) {
  const Notices::Attached attached(notices_, context.sink);
  Run(*this, workload, context).drive();
}

}  // namespace aieb::server
