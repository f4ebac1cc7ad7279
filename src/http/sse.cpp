#include "http/sse.h"

#include <cstring>

namespace aieb::http {
namespace {

constexpr std::string_view kDone = "[DONE]";
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

/// Position of the first CR or LF, or npos.
size_t find_line_end(std::string_view text) {
  const void* lf = std::memchr(text.data(), '\n', text.size());
  const size_t end =
      lf == nullptr ? text.size() : static_cast<size_t>(static_cast<const char*>(lf) - text.data());
  const void* cr = std::memchr(text.data(), '\r', end);
  if (cr != nullptr) return static_cast<size_t>(static_cast<const char*>(cr) - text.data());
  return lf == nullptr ? std::string_view::npos : end;
}

}  // namespace

void SseParser::reset() {
  input_ = {};
  partial_.clear();
  data_.clear();
  type_.clear();
  id_.clear();
  data_in_view_ = has_data_ = in_event_ = skip_lf_ = overflowed_ = false;
  at_start_ = true;
}

void SseParser::begin_read(std::string_view bytes, int64_t t_ns) {
  input_ = overflowed_ ? std::string_view() : bytes;
  read_ns_ = t_ns;
}

void SseParser::end_read() {
  input_ = {};
  own_data();
}

bool SseParser::next(SseEvent& event) {
  std::string_view line;
  while (next_line(line)) {
    if (handle_line(line, event)) return true;
  }
  return false;
}

bool SseParser::next_line(std::string_view& line) {
  if (input_.empty()) return false;
  if (skip_lf_) {
    skip_lf_ = false;
    if (input_.front() == '\n') input_.remove_prefix(1);
    if (input_.empty()) return false;
  }
  if (partial_.empty()) line_ns_ = read_ns_;
  const size_t end = find_line_end(input_);
  if (end == std::string_view::npos) {
    if (within_limit(partial_.size() + input_.size())) partial_.append(input_);
    input_ = {};
    return false;
  }
  skip_lf_ = input_[end] == '\r';
  line = input_.substr(0, end);
  input_.remove_prefix(end + 1);
  if (!partial_.empty()) {
    partial_.append(line);
    line_.swap(partial_);
    partial_.clear();
    line = line_;
  }
  return within_limit(line.size());
}

/// True when the line completed an event, which is then in `event`.
bool SseParser::handle_line(std::string_view line, SseEvent& event) {
  if (at_start_) {
    at_start_ = false;
    if (line.starts_with(kByteOrderMark)) line.remove_prefix(kByteOrderMark.size());
  }
  if (line.empty()) return deliver(event);
  if (line.front() == ':') return false;
  if (!in_event_) {
    in_event_ = true;
    event_ns_ = line_ns_;
  }
  const size_t colon = line.find(':');
  const std::string_view field = line.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? "" : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "data") {
    const bool first = !has_data_;
    add_data(value);
    if (first && value == kDone) return deliver(event);
  } else if (field == "event") {
    type_.assign(value);
  } else if (field == "id" && value.find('\0') == std::string_view::npos) {
    id_.assign(value);
  }
  return false;
}

void SseParser::add_data(std::string_view value) {
  if (!has_data_) {
    has_data_ = true;
    data_in_view_ = value.data() < line_.data() || value.data() > line_.data() + line_.size();
    if (data_in_view_) {
      data_view_ = value;
    } else {
      data_.assign(value);
    }
    return;
  }
  own_data();
  if (!within_limit(data_.size() + value.size() + 1)) return;
  data_.push_back('\n');
  data_.append(value);
}

bool SseParser::deliver(SseEvent& event) {
  in_event_ = false;
  delivered_type_.swap(type_);
  type_.clear();
  if (!has_data_) return false;
  has_data_ = false;
  if (data_in_view_) {
    event.data = data_view_;
    data_in_view_ = false;
  } else {
    delivered_.swap(data_);
    data_.clear();
    event.data = delivered_;
  }
  event.type = delivered_type_;
  event.id = id_;
  event.t_ns = event_ns_;
  return true;
}

bool SseParser::take_unterminated(SseEvent& event) {
  if (overflowed_) return false;
  if (!partial_.empty()) {
    line_.swap(partial_);
    partial_.clear();
    if (handle_line(line_, event)) return true;
  }
  return deliver(event);
}

/// The caller's bytes are about to go: keep the open event's data.
void SseParser::own_data() {
  if (!data_in_view_) return;
  data_.assign(data_view_);
  data_in_view_ = false;
}

bool SseParser::within_limit(size_t bytes) {
  if (bytes <= limit_) return true;
  overflowed_ = true;
  input_ = {};
  return false;
}

}  // namespace aieb::http
