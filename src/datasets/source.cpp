#include "datasets/source.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error.h"
#include "datasets/utf8.h"

namespace aieb {
namespace {

constexpr std::array kFormats = {
    SourceFormat{".parquet", true, true, read_table},
    SourceFormat{".arrow", true, true, read_table},
    SourceFormat{".jsonl", false, true, read_jsonl},
    SourceFormat{".ndjson", false, true, read_jsonl},
    SourceFormat{".json", false, true, read_json},
    SourceFormat{".csv", false, true, read_csv},
    SourceFormat{".tsv", false, true, read_tsv},
    SourceFormat{".txt", false, false, read_lines},
};

/// What columns with prompts are usually called, most telling first.
constexpr std::array<std::string_view, 7> kPromptColumns = {
    "text", "prompt", "question", "instruction", "input", "content", "query"};

bool is_blank(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return std::isspace(c) != 0; });
}

}  // namespace

void PromptColumn::add(std::string text) {
  if (is_blank(text)) {
    ++empty_rows;
  } else {
    texts.push_back(std::move(text));
  }
}

void PromptColumn::add_conversation(std::vector<Message> messages) {
  std::vector<Message> kept;
  std::string first;
  for (Message& message : messages) {
    const bool system = message.role == "system" && kept.empty();
    if (is_blank(message.content) || (message.role != "user" && !system)) continue;
    if (message.role == "user" && first.empty()) first = message.content;
    kept.push_back(std::move(message));
  }
  if (first.empty()) {
    ++empty_rows;
  } else {
    texts.push_back(std::move(first));
    conversations.push_back(std::move(kept));
  }
}

void PromptColumn::append(PromptColumn other) {
  conversations.insert(conversations.end(), std::make_move_iterator(other.conversations.begin()),
                       std::make_move_iterator(other.conversations.end()));
  empty_rows += other.empty_rows;
  texts.insert(texts.end(), std::make_move_iterator(other.texts.begin()),
               std::make_move_iterator(other.texts.end()));
  if (!conversations.empty() && conversations.size() != texts.size()) {
    throw DataError("some files of the dataset hold texts and others conversations");
  }
}

std::span<const SourceFormat> source_formats() { return kFormats; }

const SourceFormat* source_format_of(const std::string& path) {
  std::string extension = std::filesystem::path(path).extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const auto found =
      std::find_if(kFormats.begin(), kFormats.end(),
                   [&](const SourceFormat& format) { return format.extension == extension; });
  return found == kFormats.end() ? nullptr : &*found;
}

std::string read_text_file(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) throw DataError(path + ": cannot be read: " + std::strerror(errno ? errno : EIO));
  std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF")) {
    throw DataError(path + ": is UTF-16; save it as UTF-8");
  }
  if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);
  if (const size_t bad = first_invalid_utf8(text); bad != std::string::npos) {
    const auto line =
        1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(bad), '\n');
    throw DataError(fmt::format("{}:{}: is not UTF-8 text; save the file as UTF-8", path, line));
  }
  return text;
}

PromptColumn read_source(const std::string& path, const SourceFormat& format,
                         const std::string& column) {
  const std::string text = format.binary ? std::string() : read_text_file(path);
  return format.read({path, text, column});
}

void throw_no_column(const std::string& place, const std::string& column,
                     const std::vector<std::string>& columns) {
  std::string message = fmt::format("{}: no column '{}'; its columns are: {}", place, column,
                                    fmt::join(columns, ", "));
  for (const std::string_view usual : kPromptColumns) {
    if (std::find(columns.begin(), columns.end(), usual) == columns.end()) continue;
    message += fmt::format(". Perhaps scenario.text_column_name: {}", usual);
    break;
  }
  throw DataError(message);
}

PromptColumn read_lines(const SourceFile& file) {
  PromptColumn column;
  size_t begin = 0;
  while (begin < file.text.size()) {
    const size_t end = std::min(file.text.find('\n', begin), file.text.size());
    std::string line(file.text.substr(begin, end - begin));
    if (line.ends_with('\r')) line.pop_back();
    if (!is_blank(line)) column.texts.push_back(std::move(line));
    begin = end + 1;
  }
  return column;
}

}  // namespace aieb
