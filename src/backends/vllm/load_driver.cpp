#include "backends/vllm/load_driver.h"

#include <algorithm>
#include <queue>
#include <utility>

#include <fmt/format.h>

#include "backends/vllm/adapt.h"
#include "backends/vllm/body_cache.h"
#include "backends/vllm/conversation.h"
#include "backends/vllm/in_flight_limit.h"
#include "backends/vllm/request_sequence.h"
#include "core/client_load.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/scheduling.h"
#include "http/event_loop.h"

namespace aieb::server {
namespace {

/// Requests begun between two looks at the sockets: a burst of new ones must not delay the reading
/// of tokens that have arrived.
constexpr int kStartsPerPoll = 8;

/// Ways of writing one request that are tried before its failure counts.
constexpr int kMaxAttempts = 4;

/// A turn that waits for its user to think.
struct Thinking {
  int64_t due_ns;
  Stream::Place place;
  Request request;  ///< with the conversation so far

  bool operator<(const Thinking& other) const { return due_ns > other.due_ns; }
};

}  // namespace

/// The state of one workload.
struct LoadDriver::Run {
  Run(LoadDriver& driver, const Workload& workload, RunContext& context)
      : driver_(driver),
        sequence_(workload),
        context_(context),
        begin_ns_(now_ns()),
        end_ns_(after(workload.load.duration_ns)),
        cutoff_ns_(after(workload.load.cutoff_ns)),
        limit_(workload.load, begin_ns_),
        settled_(sequence_.positions().value_or(0)),
        bodies_(driver.target_.model, driver.target_.profile, driver.notices_, sequence_.repeats()),
        chat_url_(driver.target_.endpoint.api_url(path_of(Api::kChat, driver.target_.profile))),
        completions_url_(
            driver.target_.endpoint.api_url(path_of(Api::kCompletions, driver.target_.profile))),
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
      if (exhausted() && open_ == 0) return;
      if (now_ns() >= cutoff_ns_) return cut_off();
      client.poll(std::min({next_start_ns(), next_turn_ns(), cutoff_ns_}));
    }
    client.cancel_all();
    record_rest();
    if (broken()) give_up();
  }

 private:
  [[nodiscard]] int64_t after(const std::optional<int64_t>& length_ns) const {
    return length_ns ? begin_ns_ + *length_ns : http::kNever;
  }

  /// The time to wait for what is in flight is over.
  void cut_off() {
    const size_t in_flight = driver_.client_.in_flight();
    closing_ = true;
    driver_.client_.cancel_all("the load was over and the time to wait for it had passed");
    record_rest();
    if (in_flight == 0) return;
    driver_.notices_.add(
        fmt::format("{} requests were in flight when the time to wait for them after the load's "
                    "end had passed, and were cancelled: raise scenario.load.drain_s",
                    in_flight));
  }

  [[nodiscard]] bool broken() const {
    const int limit = driver_.target_.breaker_failures;
    return limit > 0 && failures_in_row_ >= limit;
  }

  [[nodiscard]] bool stopping() const {
    return closing_ || context_.stop.stop_requested() || broken();
  }

  /// No conversation is begun any more.
  [[nodiscard]] bool exhausted() const { return next_ >= sequence_.size() || now_ns() >= end_ns_; }

  /// When the next conversation may start; kNever while only an ending one can make room for it.
  [[nodiscard]] int64_t next_start_ns() const {
    if (exhausted()) return http::kNever;
    const int64_t room_ns = limit_.room_ns(open_, now_ns());
    if (room_ns == http::kNever) return http::kNever;
    return std::max(room_ns, planned_ns(next_).value_or(0));
  }

  /// When the next user has thought.
  [[nodiscard]] int64_t next_turn_ns() const {
    return thinking_.empty() ? http::kNever : std::min(thinking_.top().due_ns, end_ns_);
  }

  /// When the k-th conversation is meant to begin.
  [[nodiscard]] std::optional<int64_t> planned_ns(size_t k) const {
    const std::optional<int64_t> arrival_ns = sequence_.arrival_ns(k);
    return arrival_ns ? std::optional(begin_ns_ + *arrival_ns) : std::nullopt;
  }

  void start_due() {
    start_turns();
    for (int i = 0; i < kStartsPerPoll && next_start_ns() <= now_ns(); ++i) {
      Stream& stream = written_next();
      ready_ = nullptr;
      ++next_;
      ++open_;
      send(stream);
    }
    // The next one is written while there is time, so that it can leave at its own.
    if (!exhausted()) written_next();
  }

  void start_turns() {
    while (!thinking_.empty() && thinking_.top().due_ns <= now_ns() && now_ns() < end_ns_) {
      Thinking turn = thinking_.top();
      thinking_.pop();
      Stream& stream = idle_stream();
      RequestRecord record = record_of(turn.place.position);
      stream.begin_own(std::move(turn.request), std::move(turn.place), std::move(record));
      write(stream);
      send(stream);
    }
    // What the end of the load finds thinking says no more.
    for (; now_ns() >= end_ns_ && !thinking_.empty(); thinking_.pop()) --open_;
  }

  /// The next request on a stream of its own, with its body in the server's present dialect.
  Stream& written_next() {
    if (ready_ == nullptr) {
      ready_ = &idle_stream();
      begin(*ready_, next_);
      write(*ready_);
    } else if (!(ready_->dialect() == driver_.dialect_)) {
      write(*ready_);
    }
    return *ready_;
  }

  /// The first turn of the k-th conversation.
  void begin(Stream& stream, size_t k) {
    const size_t position = sequence_.head(k);
    RequestRecord record = record_of(position);
    record.planned_ns = planned_ns(k);
    stream.begin(sequence_.request(position), {position, sequence_.salt(position)},
                 std::move(record));
  }

  [[nodiscard]] RequestRecord record_of(size_t position) const {
    const Request& request = sequence_.request(position);
    RequestRecord record;
    record.id = sequence_.id(position);
    record.prompt_index = request.prompt_index;
    record.repeat = context_.repeat;
    record.session = sequence_.session(position);
    if (!record.session.empty()) record.extra["turn"] = request.turn;
    return record;
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
    const Request& request = stream.request();
    const auto& [position, salt] = stream.place();
    stream.write(stream.owns_request()
                     ? bodies_.write_once(request, salt, driver_.dialect_)
                     : bodies_.write(sequence_.index(position), request, salt, driver_.dialect_),
                 driver_.dialect_);
  }

  void send(Stream& stream) {
    if (stream.attempts() == 0) settle(stream.place().position);
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
    go_on(stream, record);
    context_.sink.request_finished(std::move(record));
    idle_.push_back(&stream);
  }

  /// The conversation's next turn, if it has one and this one was answered.
  void go_on(Stream& stream, const RequestRecord& record) {
    const size_t position = stream.place().position;
    if (!sequence_.has_next_turn(position)) {
      --open_;
    } else if (record.status == RequestStatus::kOk) {
      const Request& next = sequence_.request(position + 1);
      thinking_.push({*record.done_ns + next.think_time_ns,
                      {position + 1, stream.place().salt},
                      next_turn(stream.request(), record.text, next)});
    } else {
      --open_;
      if (!stopping()) record_turns_after(position);
    }
  }

  void record_turns_after(size_t position) {
    for (; sequence_.has_next_turn(position); ++position) {
      record_not_begun(position + 1, "the turn before it was not answered");
    }
  }

  /// What the run was stopped before.
  void record_rest() {
    for (size_t position = 0; position < settled_.size(); ++position) {
      if (!settled_[position]) record_not_begun(position, "");
    }
  }

  void settle(size_t position) {
    if (!settled_.empty()) settled_[position] = true;
  }

  /// A load that only the time ends has no plan that something could be missing from.
  void record_not_begun(size_t position, const char* why) {
    if (settled_.empty()) return;
    settle(position);
    RequestRecord record = record_of(position);
    record.status = RequestStatus::kNotBegun;
    record.done_ns = now_ns();
    record.error = why;
    context_.sink.request_finished(std::move(record));
  }

  [[noreturn]] void give_up() const {
    throw Error(ExitCode::kCircuitBreaker,
                fmt::format("{} requests in a row failed at {}, the last with: {}. The run was "
                            "ended; what was measured before is kept",
                            failures_in_row_, driver_.target_.endpoint.display(), last_failure_));
  }

  LoadDriver& driver_;
  RequestSequence sequence_;
  RunContext& context_;
  int64_t begin_ns_;
  int64_t end_ns_;     ///< no request begins from here on
  int64_t cutoff_ns_;  ///< what is in flight is cancelled
  InFlightLimit limit_;
  /// By position: begun, or recorded as not begun; empty: only the time ends the load.
  std::vector<bool> settled_;
  BodyCache bodies_;
  std::string chat_url_;
  std::string completions_url_;
  Stream::Shared shared_;
  std::vector<std::unique_ptr<Stream>> streams_;
  std::vector<Stream*> idle_;
  std::priority_queue<Thinking> thinking_;
  size_t open_ = 0;          ///< conversations that have begun and not ended
  size_t next_ = 0;          ///< first conversation that has not begun
  Stream* ready_ = nullptr;  ///< the stream of its first turn, written; null: not yet
  bool closing_ = false;
  int failures_in_row_ = 0;
  std::string last_failure_;
};

LoadDriver::LoadDriver(http::Client& client, Target target, Dialect& dialect, Notices& notices)
    : client_(client), target_(std::move(target)), dialect_(dialect), notices_(notices) {}

void LoadDriver::run(const Workload& workload, RunContext& context) {
  const Notices::Attached attached(notices_, context.sink);
  const ShortSlices on_time;
  const http::ClientCounts before = client_.counts();
  Run(*this, workload, context).drive();
  client_.release_buffers();
  const http::ClientCounts& after = client_.counts();
  context.sink.event({now_ns(), kConnectionsEvent,
                      Json{{"opened", after.connections_opened - before.connections_opened},
                           {"reads", after.reads - before.reads},
                           {"stamped", after.stamped_reads - before.stamped_reads}}});
}

}  // namespace aieb::server
