#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "backends/vllm/answer.h"
#include "backends/vllm/body_cache.h"
#include "backends/vllm/chunk.h"
#include "backends/vllm/request_body.h"
#include "core/events.h"
#include "core/request.h"
#include "http/client.h"
#include "http/line_parser.h"
#include "http/sse.h"

namespace aieb::server {

/// How a request ended, as its stream saw it.
struct StreamResult {
  http::ErrorClass error = http::ErrorClass::kNone;
  int status = 0;
  ServerFault fault;  ///< of a response that was an error
};

/// One request on its way: reads the response, whole or streamed, into a record. Used again for
/// the next request once it is done.
class Stream final : public http::Exchange {
 public:
  /// What streams share; all on one thread.
  struct Shared {
    EventSink& sink;
    ChunkParser parser;
    Chunk chunk;
    /// The response has ended. The stream may be begun or sent again from here.
    std::function<void(Stream&, const StreamResult&)> ended;
  };

  explicit Stream(Shared& shared) : shared_(shared) {}

  /// Which request of a sequence it is, and the salt of its conversation.
  struct Place {
    size_t position = 0;
    std::string salt;
  };

  /// Begins a new request; `record` has its identity and its planned time. The request must
  /// outlive the exchange.
  void begin(const Request& request, Place place, RequestRecord record);
  /// The same for a request that nobody else keeps.
  void begin_own(Request request, Place place, RequestRecord record);

  /// What the next attempt sends.
  void write(Body body, const Dialect& dialect);

  /// The request is handed to the client at `t_ns`, for the first time or again.
  void queue(int64_t t_ns);

  [[nodiscard]] const Request& request() const { return *request_; }
  [[nodiscard]] const Place& place() const { return place_; }
  /// Whether nobody else keeps the request.
  [[nodiscard]] bool owns_request() const { return request_ == &own_request_; }
  [[nodiscard]] const std::string& body() const { return *body_; }
  [[nodiscard]] const Dialect& dialect() const { return dialect_; }
  [[nodiscard]] int attempts() const { return attempts_; }

  /// The finished record, with status and error set from `result`.
  RequestRecord take_record(const StreamResult& result);

  void on_sent(int64_t t_ns) override;
  void on_response(int status, std::string_view content_type) override;
  bool on_body(std::string_view bytes, http::Arrival arrival) override;
  void on_done(const http::Outcome& outcome) override;

 private:
  enum class Mode { kEvents, kLines, kWhole, kFault };

  bool on_event(const http::SseEvent& event);
  bool on_payload(std::string_view payload, int64_t t_ns, bool is_error);
  [[nodiscard]] bool overflowed() const { return sse_.overflowed() || lines_.overflowed(); }
  void read_whole(int64_t t_ns);
  StreamResult judge(const http::Outcome& outcome);
  StreamResult judge_answer();
  StreamResult fail(http::ErrorClass error, std::string message) const;

  Shared& shared_;
  const Request* request_ = nullptr;
  Request own_request_;  ///< what `request_` may point to
  Place place_;
  RequestRecord record_;
  Answer answer_;
  http::SseParser sse_;
  http::LineParser lines_;  ///< of Ollama's own API
  Body body_;
  Dialect dialect_;
  int attempts_ = 0;
  Mode mode_ = Mode::kEvents;
  int status_ = 0;
  std::string content_type_;
  std::string collected_;  ///< body of a whole or an error response
  int64_t last_read_ns_ = 0;
  bool done_marker_ = false;
  std::string stream_fault_;  ///< an error object inside a 200 stream, or an unreadable payload
  http::ErrorClass stream_error_ = http::ErrorClass::kNone;
};

}  // namespace aieb::server
