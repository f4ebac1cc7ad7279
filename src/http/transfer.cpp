#include "http/transfer.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/clock.h"
#include "http/event_loop.h"

namespace aieb::http {
namespace {

/// How long a response may stay open after everything was said, so that its connection can be used
/// again.
constexpr int64_t kEndOfBodyNs = 1'000'000'000;

int64_t limit_after(int64_t start_ns, int64_t length_ns) {
  return length_ns > 0 ? start_ns + length_ns : kNever;
}

}  // namespace

void Transfer::begin_exchange(const HttpRequest& request, Exchange& exchange,
                              const Timeouts& timeouts) {
  exchange_ = &exchange;
  timeouts_ = timeouts;
  own_total_ = request.total_timeout_ns.has_value();
  if (own_total_) timeouts_.total_ns = *request.total_timeout_ns;
  ++generation;
  started_ns_ = now_ns();
  sent_ns_ = 0;
  complete_ns_ = 0;
  sends_ = 0;
  status_ = 0;
  enough_ = false;
  peer_.clear();
}

Transfer::Limit Transfer::limit() const {
  const Limit total{limit_after(started_ns_, timeouts_.total_ns), ErrorClass::kTimeoutTotal};
  Limit stage{kNever, ErrorClass::kTimeoutTotal};
  if (complete_ns_ != 0) {
    stage = {complete_ns_ + kEndOfBodyNs, ErrorClass::kNone};
  } else if (sent_ns_ == 0) {
    stage = {limit_after(started_ns_, timeouts_.connect_ns), ErrorClass::kTimeoutConnect};
  } else if (exchange_->stage() == Exchange::Stage::kWaiting) {
    stage = {limit_after(sent_ns_, timeouts_.first_token_ns), ErrorClass::kTimeoutFirstToken};
  }
  return stage.at_ns <= total.at_ns ? stage : total;
}

void Transfer::watch_limit() {
  const int64_t at_ns = limit().at_ns;
  if (at_ns != kNever) shared_.deadlines.push({at_ns, this, generation});
}

Outcome Transfer::limit_outcome(ErrorClass error) const {
  switch (error) {
    case ErrorClass::kNone:
      return outcome(error, {});
    case ErrorClass::kTimeoutConnect:
      return outcome(error, fmt::format("not connected after {:g} s (scenario.timeouts.connect_s)",
                                        seconds(timeouts_.connect_ns)));
    case ErrorClass::kTimeoutFirstToken:
      return outcome(error, fmt::format("no first token after {:g} s "
                                        "(scenario.timeouts.first_token_s)",
                                        seconds(timeouts_.first_token_ns)));
    default:
      return outcome(error, fmt::format("not finished after {:g} s{}", seconds(timeouts_.total_ns),
                                        own_total_ ? "" : " (scenario.timeouts.total_s)"));
  }
}

Outcome Transfer::outcome(ErrorClass error, std::string message) const {
  Outcome result;
  result.error = error;
  result.message = std::move(message);
  result.status = status_;
  result.done_ns = now_ns();
  result.resent = std::max(0, sends_ - 1);
  result.peer_address = peer_;
  return result;
}

/// An exception must not pass through libcurl, nor leave a connection half read.
template <typename Call>
bool Transfer::guarded(Call&& call) {
  try {
    return call();
  } catch (...) {
    shared_.failure = std::current_exception();
    return false;
  }
}

bool Transfer::announce_sent(std::string_view peer) {
  sent_ns_ = now_ns();
  last_ns_ = sent_ns_;
  ++sends_;
  return guarded([&] {
    peer_ = peer;
    exchange_->on_sent(sent_ns_);
    watch_limit();
    return true;
  });
}

bool Transfer::announce_response(int status, std::string_view content_type) {
  status_ = status;
  return guarded([&] {
    exchange_->on_response(status, content_type);
    return true;
  });
}

/// The kernel's time of what was read. One from before the previous read, or from before the
/// request, is what a step of the wall clock looks like: then now.
Arrival Transfer::time_read(Arrival arrival) {
  const bool stamped = arrival.first_ns >= last_ns_;
  ++shared_.counts.reads;
  if (stamped) {
    ++shared_.counts.stamped_reads;
  } else {
    arrival = now_ns();
  }
  last_ns_ = arrival.last_ns;
  return arrival;
}

bool Transfer::announce_body(std::string_view bytes, Arrival arrival) {
  arrival = time_read(arrival);
  const bool more = guarded([&] {
    if (!exchange_->on_body(bytes, arrival)) return false;
    if (complete_ns_ == 0 && exchange_->stage() == Exchange::Stage::kComplete) {
      complete_ns_ = arrival.last_ns;
      watch_limit();
    }
    return true;
  });
  enough_ = !more;
  return more;
}

}  // namespace aieb::http
