#include "exporters/exposition.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>

namespace aieb::exporters {
namespace {

constexpr size_t kShownBytes = 120;

bool is_blank(char c) { return c == ' ' || c == '\t'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':';
}
bool is_name_char(char c) { return is_name_start(c) || is_digit(c); }

bool same_ignoring_case(std::string_view text, std::string_view lower) {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(), [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
}

/// A float as Go and Python write it; absent if `text` is none.
std::optional<double> number(std::string_view text) {
  bool negative = false;
  if (!text.empty() && (text.front() == '+' || text.front() == '-')) {
    negative = text.front() == '-';
    text.remove_prefix(1);
  }
  if (same_ignoring_case(text, "nan")) return std::numeric_limits<double>::quiet_NaN();
  if (same_ignoring_case(text, "inf") || same_ignoring_case(text, "infinity")) {
    const double inf = std::numeric_limits<double>::infinity();
    return negative ? -inf : inf;
  }
  if (text.empty() || !(is_digit(text.front()) || text.front() == '.')) return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end != text.data() + text.size()) return std::nullopt;
  if (error == std::errc::result_out_of_range) {
    // Too large or too small for a double: infinity or 0, as other parsers have it.
    value = text.find("e-") != std::string_view::npos || text.find("E-") != std::string_view::npos
                ? 0
                : std::numeric_limits<double>::infinity();
  } else if (error != std::errc()) {
    return std::nullopt;
  }
  return negative ? -value : value;
}

/// Reads one line from left to right.
class LineReader {
 public:
  LineReader(std::string_view line, int64_t number) : line_(line), number_(number) {}

  [[noreturn]] void fail(const std::string& what) const {
    const bool cut = line_.size() > kShownBytes;
    throw ExpositionError(fmt::format("line {}: {} in '{}{}'", number_, what,
                                      line_.substr(0, kShownBytes), cut ? "…" : ""));
  }

  [[nodiscard]] bool done() const { return at_ == line_.size(); }
  [[nodiscard]] char peek() const { return done() ? '\0' : line_[at_]; }
  [[nodiscard]] size_t position() const { return at_; }

  void skip_blanks() {
    while (!done() && is_blank(line_[at_])) ++at_;
  }
  bool take(char c) {
    if (done() || line_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!take(c)) fail(fmt::format("'{}' is missing", c));
  }

  std::string_view name(bool colons) {
    const size_t begin = at_;
    if (done() || !is_name_start(line_[at_])) fail("a name is missing");
    while (!done() && is_name_char(line_[at_])) ++at_;
    const std::string_view text = line_.substr(begin, at_ - begin);
    if (!colons && text.find(':') != std::string_view::npos) fail("':' in the name of a label");
    return text;
  }

  /// Text in quotes with its escapes resolved.
  std::string quoted() {
    expect('"');
    std::string out;
    while (!done() && line_[at_] != '"') {
      const char c = line_[at_++];
      out += c == '\\' ? escaped() : c;
    }
    expect('"');
    return out;
  }

  /// Up to the next blank or the end.
  std::string_view word() {
    const size_t begin = at_;
    while (!done() && !is_blank(line_[at_])) ++at_;
    return line_.substr(begin, at_ - begin);
  }

 private:
  char escaped() {
    const char c = peek();
    if (c != '\\' && c != '"' && c != 'n') fail("an escape other than \\\\, \\\" and \\n");
    ++at_;
    return c == 'n' ? '\n' : c;
  }

  std::string_view line_;
  int64_t number_;
  size_t at_ = 0;
};

class PageParser {
 public:
  explicit PageParser(ExpositionFormat format)
      : open_metrics_(format == ExpositionFormat::kOpenMetrics) {}

  Exposition parse(std::string_view page) {
    int64_t number = 0;
    while (!page.empty()) {
      ++number;
      const size_t end = page.find('\n');
      if (end == std::string_view::npos) {
        if (!open_metrics_ || page != "# EOF") {
          LineReader(page, number).fail("the page ends in the middle of a line");
        }
      }
      std::string_view line = page.substr(0, end);
      page.remove_prefix(end == std::string_view::npos ? page.size() : end + 1);
      if (!open_metrics_ && line.ends_with('\r')) line.remove_suffix(1);
      parse_line(LineReader(line, number));
    }
    if (open_metrics_ && !ended_) throw ExpositionError("the page is cut off: # EOF is missing");
    return std::move(out_);
  }

 private:
  void parse_line(LineReader line) {
    if (ended_) line.fail("something after # EOF");
    if (!open_metrics_) line.skip_blanks();
    if (line.done()) {
      if (open_metrics_) line.fail("an empty line");
    } else if (line.peek() == '#') {
      parse_comment(line);
    } else {
      out_.samples.push_back(parse_sample(line));
    }
  }

  void parse_comment(LineReader line) {
    line.expect('#');
    line.skip_blanks();
    const std::string_view what = line.word();
    if (open_metrics_ && what == "EOF" && line.done()) {
      ended_ = true;
      return;
    }
    if (what != "TYPE") return;
    line.skip_blanks();
    std::string family = line.peek() == '"' ? line.quoted() : std::string(line.name(true));
    line.skip_blanks();
    const std::string type(line.word());
    line.skip_blanks();
    if (type.empty() || !line.done()) line.fail("no type");
    out_.types[std::move(family)] = type;
  }

  ExpositionSample parse_sample(LineReader& line) {
    ExpositionSample sample;
    if (line.peek() != '{') sample.name = line.name(true);
    const size_t name_end = line.position();
    line.skip_blanks();
    if (line.peek() == '{') {
      parse_labels(line, sample);
      line.skip_blanks();
    } else if (line.position() == name_end) {
      line.fail("a blank is missing after the name");
    }
    if (sample.name.empty()) line.fail("a name is missing");
    const std::optional<double> value = number(line.word());
    if (!value) line.fail("no number");
    sample.value = *value;
    line.skip_blanks();
    parse_timestamp(line, sample);
    if (open_metrics_ && line.take('#')) parse_exemplar(line);
    if (!line.done()) line.fail("something after the value");
    return sample;
  }

  void parse_timestamp(LineReader& line, ExpositionSample& sample) const {
    if (line.done() || line.peek() == '#') return;
    const std::optional<double> time = number(line.word());
    if (!time || !std::isfinite(*time)) line.fail("a timestamp that is no number");
    if (!open_metrics_ && *time != std::trunc(*time)) line.fail("a timestamp in parts of a ms");
    sample.timestamp_s = open_metrics_ ? *time : *time / 1000;
    line.skip_blanks();
  }

  static void parse_labels(LineReader& line, ExpositionSample& sample) {
    line.expect('{');
    for (;;) {
      line.skip_blanks();
      if (line.take('}')) return;
      const bool in_quotes = line.peek() == '"';
      std::string name = in_quotes ? line.quoted() : std::string(line.name(false));
      line.skip_blanks();
      if (in_quotes && line.peek() != '=') {
        if (!sample.name.empty()) line.fail("a second name");
        sample.name = std::move(name);
      } else {
        line.expect('=');
        line.skip_blanks();
        if (sample.label(name) != nullptr) line.fail("the same label twice");
        std::string value = line.quoted();
        sample.labels.push_back({std::move(name), std::move(value)});
      }
      line.skip_blanks();
      if (line.take(',')) continue;
      line.expect('}');
      return;
    }
  }

  static void parse_exemplar(LineReader& line) {
    ExpositionSample exemplar;
    exemplar.name = "exemplar";
    line.skip_blanks();
    parse_labels(line, exemplar);
    line.skip_blanks();
    if (!number(line.word())) line.fail("an exemplar without a number");
    line.skip_blanks();
    if (!line.done() && !number(line.word())) line.fail("a timestamp that is no number");
  }

  bool open_metrics_;
  bool ended_ = false;
  Exposition out_;
};

}  // namespace

const std::string* ExpositionSample::label(std::string_view wanted) const {
  const auto it = std::find_if(labels.begin(), labels.end(),
                               [&](const Label& label) { return label.name == wanted; });
  return it == labels.end() ? nullptr : &it->value;
}

ExpositionFormat exposition_format(std::string_view content_type) {
  constexpr std::string_view kOpenMetrics = "application/openmetrics-text";
  return same_ignoring_case(content_type.substr(0, kOpenMetrics.size()), kOpenMetrics)
             ? ExpositionFormat::kOpenMetrics
             : ExpositionFormat::kText;
}

Exposition parse_exposition(std::string_view page, ExpositionFormat format) {
  return PageParser(format).parse(page);
}

}  // namespace aieb::exporters
