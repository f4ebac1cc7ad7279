#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace aieb::http {

/// Reads one HTTP/1.x response (RFC 9112) from pieces of any size: its head, then its body by
/// length, in chunks or until the connection closes. Bytes of the body are handed on where they
/// lie; only lines that are divided between pieces are copied.
class ResponseParser {
 public:
  /// What a response consists of. False from either ends the reading.
  class Sink {
   public:
    virtual ~Sink() = default;
    /// The response's status and type; not of interim responses (100 to 199).
    virtual bool on_head(int status, std::string_view content_type) = 0;
    virtual bool on_body(std::string_view bytes) = 0;
  };

  enum class Result {
    kMore,      ///< the response goes on
    kComplete,  ///< it is whole; bytes after it are not looked at
    kStopped,   ///< the sink wanted no more
    kInvalid,   ///< not HTTP; `error` says what is wrong
  };

  void reset();

  /// The next bytes of the connection, in order.
  Result feed(std::string_view bytes, Sink& sink);

  /// The connection has ended: whether the response is whole.
  [[nodiscard]] bool ends_here() const { return state_ == State::kUntilClose; }

  [[nodiscard]] bool in_head() const { return state_ <= State::kHeader; }

  /// Whether a byte of the response has come.
  [[nodiscard]] bool begun() const { return begun_; }

  /// After kComplete: whether the connection can carry another request.
  [[nodiscard]] bool reusable() const { return keep_alive_ && !close_ && !surplus_; }

  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  enum class State {
    kStatus,
    kHeader,
    kFixed,
    kChunkSize,
    kChunk,
    kChunkEnd,
    kTrailer,
    kUntilClose,
    kComplete,
    kStopped,
    kInvalid,
  };

  bool take_line(std::string_view& bytes, std::string_view& line);
  void on_line(std::string_view line, Sink& sink);
  void on_status(std::string_view line);
  void on_header(std::string_view line);
  void end_head(Sink& sink);
  void on_chunk_size(std::string_view line);
  void take_body(std::string_view& bytes, Sink& sink);
  void fail(std::string why);

  State state_ = State::kStatus;
  std::string partial_;  ///< of a line that is not whole yet
  size_t head_bytes_ = 0;
  int status_ = 0;
  std::string content_type_;
  bool has_length_ = false;
  bool bad_length_ = false;  ///< none, or several
  bool chunked_ = false;
  bool keep_alive_ = false;
  bool close_ = false;  ///< whatever keep_alive_ says
  bool begun_ = false;
  bool surplus_ = false;    ///< bytes followed the response
  uint64_t remaining_ = 0;  ///< of the body or of the chunk
  std::string error_;
};

}  // namespace aieb::http
