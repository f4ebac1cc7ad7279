#include <algorithm>

#include <fmt/format.h>

#include "core/error.h"
#include "core/json.h"
#include "datasets/source.h"

namespace aieb {
namespace {

std::string kind_of(const Json& value) {
  if (value.is_array()) return "a list";
  if (value.is_object()) return "a mapping";
  if (value.is_boolean()) return "true or false";
  if (value.is_number()) return "a number";
  return value.is_null() ? "nothing" : "a text";
}

/// nlohmann's message without its own identifier.
std::string reason(const Json::exception& error) {
  std::string text = error.what();
  if (const size_t at = text.find("] "); at != std::string::npos) text.erase(0, at + 2);
  return text;
}

/// The names by which datasets call who speaks.
std::string role_of(const std::string& name) {
  if (name == "human") return "user";
  return name == "gpt" || name == "chatgpt" || name == "bing" ? "assistant" : name;
}

std::string text_of(const Json& entry, const char* key) {
  const auto found = entry.find(key);
  return found != entry.end() && found->is_string() ? found->get<std::string>() : "";
}

std::vector<Message> conversation_of(const Json& list, const std::string& place) {
  std::vector<Message> messages;
  for (const Json& entry : list) {
    Message message;
    if (entry.is_string()) {
      message = {"user", entry.get<std::string>()};
    } else if (entry.is_object() && entry.contains("role")) {
      message = {role_of(text_of(entry, "role")), text_of(entry, "content")};
    } else if (entry.is_object() && entry.contains("from")) {
      message = {role_of(text_of(entry, "from")), text_of(entry, "value")};
    }
    if (message.role.empty()) {
      throw DataError(place + ": a turn must be a text, {role, content} or {from, value}, found " +
                      entry.dump().substr(0, 100));
    }
    messages.push_back(std::move(message));
  }
  return messages;
}

void add_row(const Json& row, const std::string& place, const std::string& name,
             PromptColumn& column) {
  if (!row.is_object()) {
    throw DataError(place + ": must be a JSON object, found " + kind_of(row));
  }
  const auto found = row.find(name);
  if (found == row.end()) {
    std::vector<std::string> names;
    for (const auto& [key, value] : row.items()) names.push_back(key);
    throw_no_column(place, name, names);
  }
  if (found->is_null()) {
    ++column.empty_rows;
  } else if (found->is_string() && column.conversations.empty()) {
    column.add(found->get<std::string>());
  } else if (found->is_array() && column.texts.size() == column.conversations.size()) {
    column.add_conversation(conversation_of(*found, place + ": column '" + name + "'"));
  } else if (found->is_string() || found->is_array()) {
    throw DataError(place + ": column '" + name +
                    "' holds texts in some rows and conversations in "
                    "others");
  } else {
    throw DataError(place + ": column '" + name + "' must hold texts or conversations, found " +
                    kind_of(*found));
  }
}

}  // namespace

PromptColumn read_jsonl(const SourceFile& file) {
  PromptColumn column;
  int64_t line = 0;
  for (size_t begin = 0; begin < file.text.size();) {
    const size_t end = std::min(file.text.find('\n', begin), file.text.size());
    const std::string_view text = file.text.substr(begin, end - begin);
    begin = end + 1;
    ++line;
    if (text.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const std::string place = file.place + ":" + std::to_string(line);
    try {
      add_row(Json::parse(text), place, file.column, column);
    } catch (const Json::exception& error) {
      throw DataError(place + ": is not JSON: " + reason(error));
    }
  }
  return column;
}

PromptColumn read_json(const SourceFile& file) {
  // Many files named .json hold one object a line.
  const std::string_view first_line = file.text.substr(0, file.text.find('\n'));
  if (first_line.size() < file.text.size() && Json::accept(first_line) &&
      !Json::accept(file.text)) {
    return read_jsonl(file);
  }
  Json document;
  try {
    document = Json::parse(file.text);
  } catch (const Json::exception& error) {
    throw DataError(file.place + ": is not JSON: " + reason(error));
  }
  const Json* rows = &document;
  if (document.is_object() && document.contains("data")) rows = &document["data"];
  if (!rows->is_array()) {
    throw DataError(file.place +
                    ": must be a list of objects, or an object with such a list as "
                    "'data'; found " +
                    kind_of(*rows));
  }
  PromptColumn column;
  for (size_t i = 0; i < rows->size(); ++i) {
    add_row((*rows)[i], fmt::format("{}, row {}", file.place, i + 1), file.column, column);
  }
  return column;
}

}  // namespace aieb
