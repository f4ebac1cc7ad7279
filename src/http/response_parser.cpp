#include "http/response_parser.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <utility>

namespace aieb::http {
namespace {

/// Of a head with all its lines, and of the trailers: what libcurl allows.
constexpr size_t kMaxHeadBytes = size_t{300} << 10;

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
    return std::tolower(x) == std::tolower(y);
  });
}

std::string_view trimmed(std::string_view text) {
  const auto space = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!text.empty() && space(text.front())) text.remove_prefix(1);
  while (!text.empty() && space(text.back())) text.remove_suffix(1);
  return text;
}

/// Whether a list of tokens ("keep-alive, Upgrade") has this one.
bool has_token(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    if (equal_ignoring_case(trimmed(list.substr(0, comma)), token)) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

/// The whole text as a number.
bool parse_number(std::string_view text, int base, uint64_t& out) {
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, out, base);
  return error == std::errc() && stop == end && !text.empty();
}

std::string shown(std::string_view text) {
  constexpr size_t kShown = 60;
  std::string out;
  for (const char c : text.substr(0, kShown)) {
    out += std::isprint(static_cast<unsigned char>(c)) != 0 ? c : '?';
  }
  return "'" + out + (text.size() > kShown ? "…'" : "'");
}

}  // namespace

void ResponseParser::reset() {
  state_ = State::kStatus;
  partial_.clear();
  head_bytes_ = 0;
  status_ = 0;
  content_type_.clear();
  has_length_ = bad_length_ = chunked_ = keep_alive_ = close_ = begun_ = surplus_ = false;
  remaining_ = 0;
  error_.clear();
}

void ResponseParser::fail(std::string why) {
  state_ = State::kInvalid;
  error_ = std::move(why);
}

ResponseParser::Result ResponseParser::feed(std::string_view bytes, Sink& sink) {
  begun_ = begun_ || !bytes.empty();
  while (!bytes.empty() && state_ < State::kComplete) {
    if (state_ == State::kFixed || state_ == State::kChunk || state_ == State::kUntilClose) {
      take_body(bytes, sink);
      continue;
    }
    std::string_view line;
    if (!take_line(bytes, line)) break;
    on_line(line, sink);
    partial_.clear();
  }
  switch (state_) {
    case State::kComplete:
      surplus_ = !bytes.empty();
      return Result::kComplete;
    case State::kStopped:
      return Result::kStopped;
    case State::kInvalid:
      return Result::kInvalid;
    default:
      return Result::kMore;
  }
}

/// The next line without its end; false: it is not whole yet.
bool ResponseParser::take_line(std::string_view& bytes, std::string_view& line) {
  const size_t end = bytes.find('\n');
  head_bytes_ += std::min(end, bytes.size());
  if (head_bytes_ > kMaxHeadBytes) {
    fail("the head of the answer is larger than 300 KB");
    return false;
  }
  if (end == std::string_view::npos) {
    partial_.append(bytes);
    bytes = {};
    return false;
  }
  line = bytes.substr(0, end);
  bytes.remove_prefix(end + 1);
  if (!partial_.empty()) {
    partial_.append(line);
    line = partial_;
  }
  if (line.ends_with('\r')) line.remove_suffix(1);
  return true;
}

void ResponseParser::on_line(std::string_view line, Sink& sink) {
  switch (state_) {
    case State::kStatus:
      return on_status(line);
    case State::kHeader:
      return line.empty() ? end_head(sink) : on_header(line);
    case State::kChunkSize:
      return on_chunk_size(line);
    case State::kChunkEnd:
      if (!line.empty()) return fail("a chunk of the answer is longer than it says");
      head_bytes_ = 0;
      state_ = State::kChunkSize;
      return;
    default:  // trailers say nothing that is needed
      if (line.empty()) state_ = State::kComplete;
  }
}

void ResponseParser::on_status(std::string_view line) {
  constexpr std::string_view kVersion = "HTTP/1.";
  uint64_t status = 0;
  const bool valid = line.starts_with(kVersion) && line.size() >= 12 && line[8] == ' ' &&
                     (line.size() == 12 || line[12] == ' ') &&
                     parse_number(line.substr(9, 3), 10, status) && status >= 100;
  if (!valid) return fail("the answer does not begin as HTTP does: " + shown(line));
  status_ = static_cast<int>(status);
  keep_alive_ = line[7] != '0';
  state_ = State::kHeader;
}

void ResponseParser::on_header(std::string_view line) {
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return;  // a folded line, or nothing that we know
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = trimmed(line.substr(colon + 1));
  if (equal_ignoring_case(name, "content-type")) {
    content_type_ = value;
  } else if (equal_ignoring_case(name, "content-length")) {
    uint64_t length = 0;
    const bool valid = parse_number(value, 10, length);
    if (!valid || (has_length_ && length != remaining_)) bad_length_ = true;
    has_length_ = true;
    remaining_ = length;
  } else if (equal_ignoring_case(name, "transfer-encoding")) {
    chunked_ = equal_ignoring_case(value, "chunked");
    if (!chunked_ && !equal_ignoring_case(value, "identity")) {
      fail("the answer has a Transfer-Encoding that was not asked for: " + shown(value));
    }
  } else if (equal_ignoring_case(name, "connection")) {
    if (has_token(value, "close")) close_ = true;
    if (has_token(value, "keep-alive")) keep_alive_ = true;
  }
}

void ResponseParser::end_head(Sink& sink) {
  if (status_ < 200) {
    if (status_ == 101) return fail("the server switches to another protocol unasked");
    reset();  // an interim response: the one that counts follows
    begun_ = true;
    return;
  }
  if (bad_length_ && !chunked_) return fail("the answer's Content-Length is not one number");
  if (chunked_ && has_length_) close_ = true;  // RFC 9112, 6.3: somebody may read it otherwise
  if (!sink.on_head(status_, content_type_)) {
    state_ = State::kStopped;
    return;
  }
  head_bytes_ = 0;
  if (status_ == 204 || status_ == 304) {
    state_ = State::kComplete;
  } else if (chunked_) {
    state_ = State::kChunkSize;
  } else if (has_length_) {
    state_ = remaining_ > 0 ? State::kFixed : State::kComplete;
  } else {
    keep_alive_ = false;
    state_ = State::kUntilClose;
  }
}

void ResponseParser::on_chunk_size(std::string_view line) {
  const std::string_view size = trimmed(line.substr(0, line.find(';')));  // without extensions
  if (!parse_number(size, 16, remaining_)) {
    return fail("a chunk of the answer has no size: " + shown(line));
  }
  head_bytes_ = 0;
  state_ = remaining_ > 0 ? State::kChunk : State::kTrailer;
}

void ResponseParser::take_body(std::string_view& bytes, Sink& sink) {
  const bool bounded = state_ != State::kUntilClose;
  const size_t length =
      bounded ? static_cast<size_t>(std::min<uint64_t>(remaining_, bytes.size())) : bytes.size();
  const std::string_view piece = bytes.substr(0, length);
  bytes.remove_prefix(length);
  if (bounded) remaining_ -= length;
  if (!sink.on_body(piece)) {
    state_ = State::kStopped;
  } else if (bounded && remaining_ == 0) {
    state_ = state_ == State::kChunk ? State::kChunkEnd : State::kComplete;
  }
}

}  // namespace aieb::http
