#include <algorithm>

#include <fmt/format.h>

#include "core/error.h"
#include "datasets/source.h"

namespace aieb {
namespace {

/// Reads records as RFC 4180 says: fields may be quoted, quoted fields may hold separators, line
/// ends and doubled quotes. Line ends are LF or CRLF.
class CsvReader {
 public:
  CsvReader(const SourceFile& file, char separator) : file_(file), separator_(separator) {}

  /// The next record; false at the end. Blank lines are skipped.
  bool next(std::vector<std::string>& fields) {
    fields.clear();
    while (at_ < file_.text.size() && skip_line_end()) {
    }
    if (at_ >= file_.text.size()) return false;
    record_line_ = line_;
    do {
      fields.push_back(peek() == '"' ? quoted_field() : plain_field());
    } while (take(separator_));
    if (at_ < file_.text.size() && !skip_line_end()) {
      throw DataError(fmt::format("{}:{}: text after a closing quote", file_.place, line_));
    }
    return true;
  }

  /// Line on which the last record began.
  [[nodiscard]] int64_t line() const { return record_line_; }

 private:
  [[nodiscard]] char peek() const { return at_ < file_.text.size() ? file_.text[at_] : '\0'; }

  bool take(char wanted) {
    if (at_ >= file_.text.size() || file_.text[at_] != wanted) return false;
    ++at_;
    return true;
  }

  bool skip_line_end() {
    const std::string_view rest = file_.text.substr(at_, 2);
    if (!rest.starts_with('\n') && rest != "\r\n") return false;
    at_ += rest.starts_with('\n') ? 1 : 2;
    ++line_;
    return true;
  }

  std::string plain_field() {
    const char ends[] = {separator_, '\n', '\0'};
    const size_t end = std::min(file_.text.find_first_of(ends, at_), file_.text.size());
    std::string field(file_.text.substr(at_, end - at_));
    if (field.ends_with('\r') && end < file_.text.size() && file_.text[end] == '\n') {
      field.pop_back();
    }
    at_ += field.size();
    return field;
  }

  std::string quoted_field() {
    const int64_t opened = line_;
    std::string field;
    for (++at_; at_ < file_.text.size(); ++at_) {
      const char c = file_.text[at_];
      if (c == '"') {
        ++at_;
        if (peek() != '"') return field;
      }
      if (c == '\n') ++line_;
      field += c;
    }
    throw DataError(fmt::format("{}:{}: a quoted field is not closed", file_.place, opened));
  }

  const SourceFile& file_;
  char separator_;
  size_t at_ = 0;
  int64_t line_ = 1;
  int64_t record_line_ = 1;
};

PromptColumn read_separated(const SourceFile& file, char separator) {
  CsvReader reader(file, separator);
  std::vector<std::string> header;
  if (!reader.next(header)) return {};
  const auto found = std::find(header.begin(), header.end(), file.column);
  if (found == header.end()) throw_no_column(file.place, file.column, header);
  const auto index = static_cast<size_t>(found - header.begin());
  PromptColumn column;
  std::vector<std::string> fields;
  while (reader.next(fields)) {
    if (fields.size() != header.size()) {
      throw DataError(fmt::format("{}:{}: has {} fields, the header has {}", file.place,
                                  reader.line(), fields.size(), header.size()));
    }
    column.add(std::move(fields[index]));
  }
  return column;
}

}  // namespace

PromptColumn read_csv(const SourceFile& file) {
  // Spreadsheets of many countries separate by semicolons.
  const std::string_view header = file.text.substr(0, file.text.find('\n'));
  const bool semicolons =
      header.find(',') == std::string_view::npos && header.find(';') != std::string_view::npos;
  return read_separated(file, semicolons ? ';' : ',');
}

PromptColumn read_tsv(const SourceFile& file) { return read_separated(file, '\t'); }

}  // namespace aieb
