#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "http/arrival.h"

namespace aieb::http {

/// One server-sent event. The views are valid until the handler returns.
struct SseEvent {
  std::string_view data;  ///< data lines joined with '\n', without the last line end
  std::string_view type;  ///< "event" field; empty: the default, "message"
  std::string_view id;    ///< last event id seen so far
  int64_t t_ns = 0;       ///< when the first byte of the event was read
};

/// Incremental parser of text/event-stream (WHATWG HTML, section 9.2.6), split anywhere: inside a
/// line end, a field name or a UTF-8 sequence. Bytes are passed through unchanged.
///
/// One deviation, as model servers need it: an event whose data is exactly `[DONE]` is delivered at
/// its line end, since some servers close without the blank line that ends an event.
///
/// An event of one data line that arrived whole is handed out as a view into the caller's bytes;
/// only events cut by a read, and events of several lines, are copied. No allocation per event once
/// the buffers have grown.
class SseParser {
 public:
  /// Limit of one line and of one event, in bytes; a longer one sets `overflowed`.
  static constexpr size_t kMaxEventBytes = size_t{16} << 20;

  explicit SseParser(size_t max_event_bytes = kMaxEventBytes) : limit_(max_event_bytes) {}

  /// Parses `bytes`; calls `handler(const SseEvent&) -> bool` for every event that became complete.
  /// Stops when the handler returns false. An event has the time of its first byte: what begins
  /// after the first event of the read has the time of the last segment, so that none is early.
  template <typename Handler>
  void feed(std::string_view bytes, Arrival arrival, Handler&& handler) {
    begin_read(bytes, arrival.first_ns);
    SseEvent event;
    while (next(event)) {
      read_ns_ = arrival.last_ns;
      if (!handler(static_cast<const SseEvent&>(event))) break;
    }
    end_read();
  }

  /// Delivers an event whose last line end or closing blank line never came. Call at the end of
  /// the body. (The standard drops such an event; here it may be the last of an answer. Whether
  /// its data is complete is for the caller to see.)
  template <typename Handler>
  void finish(Handler&& handler) {
    SseEvent event;
    if (take_unterminated(event)) handler(static_cast<const SseEvent&>(event));
  }

  [[nodiscard]] bool overflowed() const { return overflowed_; }

  /// Back to the start of a stream; keeps the buffers.
  void reset();

 private:
  void begin_read(std::string_view bytes, int64_t t_ns);
  bool next(SseEvent& event);
  void end_read();
  bool take_unterminated(SseEvent& event);
  bool next_line(std::string_view& line);
  bool handle_line(std::string_view line, SseEvent& event);
  void add_data(std::string_view value);
  bool deliver(SseEvent& event);
  void own_data();
  bool within_limit(size_t bytes);

  size_t limit_;
  std::string_view input_;      ///< what is left of the current read
  int64_t read_ns_ = 0;         ///< time of what is left of it
  int64_t line_ns_ = 0;         ///< time of the first byte of the current line
  int64_t event_ns_ = 0;        ///< time of the first byte of the open event
  std::string partial_;         ///< the unfinished line of earlier reads
  std::string line_;            ///< a line that was cut by a read, completed
  std::string data_;            ///< data of the open event, unless it is in `data_view_`
  std::string_view data_view_;  ///< the only data line so far, still inside the caller's bytes
  bool data_in_view_ = false;
  bool has_data_ = false;
  bool in_event_ = false;  ///< a field of the open event has been seen
  bool skip_lf_ = false;   ///< the last line ended with CR: a following LF belongs to it
  bool at_start_ = true;   ///< a byte order mark may follow
  bool overflowed_ = false;
  std::string type_;
  std::string id_;
  std::string delivered_;  ///< what the event's views point into, when it had to be copied
  std::string delivered_type_;
};

}  // namespace aieb::http
