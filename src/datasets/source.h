#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/request.h"

namespace aieb {

/// The prompts of one file. Rows whose value is null or blank are counted, not kept.
struct PromptColumn {
  std::vector<std::string> texts;                   ///< of a conversation the user's first words
  std::vector<std::vector<Message>> conversations;  ///< parallel to texts; empty: there are none
  int64_t empty_rows = 0;

  void add(std::string text);
  /// Keeps what the system and the user say. A conversation without a user is an empty row.
  void add_conversation(std::vector<Message> messages);
  void append(PromptColumn other);
};

/// What a reader is given. `text` is valid UTF-8 without a byte order mark; it is empty for formats
/// that read the file themselves.
struct SourceFile {
  std::string place;  ///< path, for messages
  std::string_view text;
  const std::string& column;
};

/// One file format. Readers throw DataError with file and line.
struct SourceFormat {
  std::string_view extension;  ///< with the dot, lower case
  bool binary;                 ///< the reader opens `place` itself
  bool has_columns;
  PromptColumn (*read)(const SourceFile& file);
};

/// Every format that can be read, best first (which decides in folders).
std::span<const SourceFormat> source_formats();

/// The format of a file name; null pointer if it has none of the extensions.
const SourceFormat* source_format_of(const std::string& path);

/// The file's text, checked to be UTF-8. Throws DataError.
std::string read_text_file(const std::string& path);

/// Reads a file with the reader of its format.
PromptColumn read_source(const std::string& path, const SourceFormat& format,
                         const std::string& column);

/// Throws a DataError that lists the columns and proposes those that usually hold prompts.
[[noreturn]] void throw_no_column(const std::string& place, const std::string& column,
                                  const std::vector<std::string>& columns);

PromptColumn read_jsonl(const SourceFile& file);
PromptColumn read_json(const SourceFile& file);
PromptColumn read_csv(const SourceFile& file);
PromptColumn read_tsv(const SourceFile& file);
PromptColumn read_lines(const SourceFile& file);
PromptColumn read_table(const SourceFile& file);  ///< Parquet and Arrow

}  // namespace aieb
