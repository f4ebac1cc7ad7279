#include "backends/vllm/stream.h"

#include <utility>

#include <fmt/format.h>

#include "core/text.h"

namespace aieb::server {
namespace {

using http::ErrorClass;

constexpr std::string_view kDone = "[DONE]";
constexpr size_t kMaxCollected = size_t{64} << 20;
constexpr size_t kShownBytes = 200;

/// What to look at when the server has no page there.
std::string_view hint_of(int status) {
  if (status == 404) return ". Check backend.model and the path of backend.endpoint";
  if (status >= 300 && status < 400) {
    return ". Redirects are not followed: set backend.endpoint to where this one leads";
  }
  return {};
}

/// What a server said, without its full stop: more may follow.
std::string_view sentence_of(std::string_view text) {
  if (text.empty()) return "(no text)";
  if (text.ends_with('.')) text.remove_suffix(1);
  return text;
}

/// The beginning of what a server sent, for a message.
std::string excerpt(std::string_view bytes) {
  if (bytes.size() <= kShownBytes) return std::string(bytes);
  return fmt::format("{}…", bytes.substr(0, kShownBytes));
}

}  // namespace

void Stream::begin(const Request& request, Place place, RequestRecord record) {
  request_ = &request;
  place_ = std::move(place);
  record_ = std::move(record);
  attempts_ = 0;
}

void Stream::begin_own(Request request, Place place, RequestRecord record) {
  own_request_ = std::move(request);
  begin(own_request_, std::move(place), std::move(record));
}

void Stream::write(Body body, const Dialect& dialect) {
  body_ = std::move(body);
  dialect_ = dialect;
}

void Stream::queue(int64_t t_ns) {
  if (attempts_++ == 0) record_.queued_ns = t_ns;
  set_stage(Stage::kWaiting);
  record_.first_token_ns.reset();
  record_.last_token_ns.reset();
  record_.finish_reason.clear();
  answer_.begin(record_, request_->params.max_new_tokens * request_->params.num_return_sequences);
  sse_.reset();
  lines_.reset();
  mode_ = Mode::kEvents;
  status_ = 0;
  collected_.clear();
  last_read_ns_ = 0;
  done_marker_ = false;
  stream_fault_.clear();
  stream_error_ = ErrorClass::kNone;
}

void Stream::on_sent(int64_t t_ns) {
  const bool first = !record_.sent_ns;
  record_.sent_ns = t_ns;
  if (first) shared_.sink.request_started(record_);
}

void Stream::on_response(int status, std::string_view content_type) {
  status_ = status;
  content_type_ = content_type;
  const std::string type = lower_case(content_type_);
  if (status != 200) {
    mode_ = Mode::kFault;
  } else {
    mode_ = type.starts_with("text/event-stream")      ? Mode::kEvents
            : type.starts_with("application/x-ndjson") ? Mode::kLines
                                                       : Mode::kWhole;
  }
}

bool Stream::on_body(std::string_view bytes, http::Arrival arrival) {
  last_read_ns_ = arrival.last_ns;
  if (mode_ == Mode::kLines) {
    lines_.feed(bytes, arrival, [this](std::string_view line, int64_t line_ns) {
      return on_payload(line, line_ns, false);
    });
    return stream_error_ == ErrorClass::kNone && !overflowed();
  }
  if (mode_ != Mode::kEvents) {
    if (collected_.size() + bytes.size() > kMaxCollected) return false;
    collected_.append(bytes);
    return true;
  }
  sse_.feed(bytes, arrival, [this](const http::SseEvent& event) { return on_event(event); });
  return stream_error_ == ErrorClass::kNone && !overflowed();
}

/// False: the stream is not worth reading on.
bool Stream::on_event(const http::SseEvent& event) {
  if (event.data == kDone) {
    done_marker_ = true;
    set_stage(Stage::kComplete);
    return true;
  }
  return on_payload(event.data, event.t_ns, event.type == "error");
}

/// A JSON document of a stream. False: the stream is not worth reading on.
bool Stream::on_payload(std::string_view payload, int64_t t_ns, bool is_error) {
  if (done_marker_) return true;
  const bool readable = shared_.parser.parse(payload, shared_.chunk);
  if (is_error || (readable && shared_.chunk.has_error)) {
    stream_error_ = ErrorClass::kServerErrorInStream;
    stream_fault_ = read_fault(payload).message;
    return false;
  }
  if (!readable) {
    stream_error_ = ErrorClass::kProtocol;
    stream_fault_ = fmt::format("an event is not JSON: {}", excerpt(payload));
    return false;
  }
  const int tokens = answer_.add(shared_.chunk, t_ns);
  if (tokens > 0) shared_.sink.tokens_arrived(tokens);
  if (stage() == Stage::kWaiting && answer_.begun()) set_stage(Stage::kAnswering);
  if (shared_.chunk.done) {
    done_marker_ = true;
    set_stage(Stage::kComplete);
  }
  return true;
}

void Stream::on_done(const http::Outcome& outcome) {
  record_.done_ns = outcome.done_ns;
  if (outcome.resent > 0) record_.extra["resent"] = outcome.resent;
  shared_.ended(*this, judge(outcome));
}

StreamResult Stream::judge(const http::Outcome& outcome) {
  // An event that the end of the connection left without its blank line may be the last one.
  const bool whole = outcome.error == ErrorClass::kNone && stream_error_ == ErrorClass::kNone;
  if (whole && status_ == 200 && mode_ == Mode::kEvents) {
    sse_.finish([this](const http::SseEvent& event) { return on_event(event); });
  } else if (whole && status_ == 200 && mode_ == Mode::kLines) {
    lines_.finish(
        [this](std::string_view line, int64_t t_ns) { return on_payload(line, t_ns, false); });
  }
  if (stream_error_ != ErrorClass::kNone) return fail(stream_error_, stream_fault_);
  if (outcome.error != ErrorClass::kNone && !done_marker_)
    return fail(outcome.error, outcome.message);
  if (mode_ == Mode::kFault) {
    const ErrorClass error = http::error_class_of_status(status_);
    return {error == ErrorClass::kNone ? ErrorClass::kProtocol : error, status_,
            read_fault(collected_)};
  }
  if (mode_ == Mode::kWhole) read_whole(last_read_ns_);
  return judge_answer();
}

/// A 200 response that ended in good order: is it an answer?
StreamResult Stream::judge_answer() {
  if (stream_error_ != ErrorClass::kNone) return fail(stream_error_, stream_fault_);
  if (overflowed()) {
    return fail(ErrorClass::kProtocol, fmt::format("an event is longer than {} MB",
                                                   http::SseParser::kMaxEventBytes >> 20));
  }
  if (!done_marker_ && !answer_.has_finish_reason()) {
    return fail(ErrorClass::kProtocol,
                "the stream ended without a finish reason and without [DONE]");
  }
  return {ErrorClass::kNone, status_, {}};
}

void Stream::read_whole(int64_t t_ns) {
  const bool readable = shared_.parser.parse(collected_, shared_.chunk);
  if (readable && shared_.chunk.has_error) {
    stream_error_ = ErrorClass::kServerErrorInStream;
    stream_fault_ = read_fault(collected_).message;
  } else if (!readable || shared_.chunk.choices.empty()) {
    stream_error_ = ErrorClass::kProtocol;
    stream_fault_ =
        fmt::format("not an answer ({}): {}",
                    content_type_.empty() ? "no content type" : content_type_, excerpt(collected_));
  } else {
    answer_.add_whole(shared_.chunk, t_ns);
  }
}

StreamResult Stream::fail(ErrorClass error, std::string message) const {
  return {error, status_, {std::move(message), {}}};
}

RequestRecord Stream::take_record(const StreamResult& result) {
  answer_.finish();
  if (result.error == ErrorClass::kNone) {
    record_.status = RequestStatus::kOk;
  } else {
    record_.status =
        result.error == ErrorClass::kCancelled ? RequestStatus::kCancelled : RequestStatus::kFailed;
    record_.error_class = http::to_string(result.error);
    record_.error = mode_ == Mode::kFault && result.status != 0
                        ? fmt::format("HTTP {}: {}{}", result.status,
                                      sentence_of(result.fault.message), hint_of(result.status))
                        : result.fault.message;
  }
  return std::move(record_);
}

}  // namespace aieb::server
