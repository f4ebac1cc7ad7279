#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "http/arrival.h"

namespace aieb::http {

/// Lines of a stream of JSON documents (NDJSON), over reads that cut them anywhere. The time of a
/// line is that of the read that brought its first byte. Blank lines are skipped.
class LineParser {
 public:
  /// A longer line is not kept: `overflowed` is then true, and nothing more is delivered.
  static constexpr size_t kMaxLineBytes = size_t{64} << 20;

  /// Calls `deliver(line, t_ns)` for every line that `bytes` complete, until it returns false. A
  /// line has the time of its first byte: all but the first of the read that of the last segment.
  template <typename Deliver>
  void feed(std::string_view bytes, Arrival arrival, Deliver&& deliver) {
    int64_t t_ns = arrival.first_ns;
    while (!overflowed_) {
      const size_t end = bytes.find('\n');
      if (end == std::string_view::npos) return keep(bytes, t_ns);
      const int64_t line_ns = partial_.empty() ? t_ns : partial_ns_;
      std::string_view line = bytes.substr(0, end);
      if (!partial_.empty()) {
        keep(line, t_ns);
        whole_.swap(partial_);
        partial_.clear();
        line = whole_;
      }
      bytes.remove_prefix(end + 1);
      t_ns = arrival.last_ns;
      if (!is_blank(line) && !deliver(line, line_ns)) return;
    }
  }

  /// Delivers a last line that the end of the stream left without its line break.
  template <typename Deliver>
  void finish(Deliver&& deliver) {
    whole_.swap(partial_);
    partial_.clear();
    if (!is_blank(whole_)) deliver(std::string_view(whole_), partial_ns_);
  }

  void reset() {
    partial_.clear();
    overflowed_ = false;
  }

  [[nodiscard]] bool overflowed() const { return overflowed_; }

 private:
  static bool is_blank(std::string_view line) {
    return line.find_first_not_of(" \t\r") == std::string_view::npos;
  }
  void keep(std::string_view bytes, int64_t t_ns) {
    if (partial_.empty()) partial_ns_ = t_ns;
    overflowed_ = partial_.size() + bytes.size() > kMaxLineBytes;
    if (!overflowed_) partial_.append(bytes);
  }

  std::string partial_;  ///< the unfinished line of earlier reads
  int64_t partial_ns_ = 0;
  std::string whole_;  ///< a line that was cut, completed
  bool overflowed_ = false;
};

}  // namespace aieb::http
