#include "bridge/chat_template.h"

#include <algorithm>
#include <cctype>
#include <ctime>
#include <filesystem>
#include <map>

#include "bridge/files.h"
#include "bridge/rust_call.h"
#include "core/error.h"

namespace aieb {
namespace {

namespace fs = std::filesystem;
using bridge::take;
using bridge::take_error;
using bridge::view;

using Templates = std::map<std::string, std::string>;  // name → source

/// A text is the default template; a list holds named ones.
void add_templates(const Json& value, Templates& templates) {
  if (value.is_string()) templates["default"] = value.get<std::string>();
  if (!value.is_array()) return;
  for (const Json& entry : value) {
    if (entry.is_object() && entry.contains("name") && entry.contains("template")) {
      templates[entry["name"].get<std::string>()] = entry["template"].get<std::string>();
    }
  }
}

void add_from_json_file(const fs::path& path, Templates& templates) {
  if (!fs::exists(path)) return;
  try {
    const Json content = Json::parse(bridge::read_file(path));
    if (content.is_object() && content.contains("chat_template")) {
      add_templates(content["chat_template"], templates);
    }
  } catch (const Json::exception& e) {
    throw ModelError(path.string() + ": " + e.what());
  }
}

/// In rising order of precedence: a later file replaces the whole of an earlier one.
Templates templates_of(const fs::path& folder) {
  Templates templates;
  add_from_json_file(folder / "tokenizer_config.json", templates);
  if (fs::exists(folder / "chat_template.json")) {
    templates.clear();
    add_from_json_file(folder / "chat_template.json", templates);
  }
  if (fs::exists(folder / "chat_template.jinja")) {
    templates.clear();
    templates["default"] = bridge::read_file(folder / "chat_template.jinja");
  }
  const fs::path more = folder / "additional_chat_templates";
  if (fs::is_directory(more)) {
    for (const auto& entry : fs::directory_iterator(more)) {
      if (entry.path().extension() == ".jinja") {
        templates[entry.path().stem().string()] = bridge::read_file(entry.path());
      }
    }
  }
  return templates;
}

std::optional<ChatTemplate> choose(Templates templates, const std::string& name,
                                   const std::string& where) {
  if (templates.empty() && name.empty()) return std::nullopt;
  const auto it = templates.find(name.empty() ? "default" : name);
  if (it != templates.end()) {
    return ChatTemplate(std::move(it->second), where + " (chat template " + it->first + ")");
  }
  std::string known;
  for (const auto& entry : templates) known += (known.empty() ? "" : ", ") + entry.first;
  throw ModelError(where + ": no chat template named '" + (name.empty() ? "default" : name) +
                   "'; there is " + (known.empty() ? "none" : known));
}

/// A message's reasoning goes by several names; templates read "reasoning_content", gpt-oss'
/// "thinking". Like transformers, both are filled from whichever is there.
Json with_reasoning(const Json& message) {
  if (!message.is_object()) return message;
  for (const char* name : {"reasoning_content", "thinking", "reasoning"}) {
    const auto it = message.find(name);
    if (it == message.end() || it->is_null()) continue;
    Json result = {{"thinking", *it}};
    result.update(message);
    result["reasoning_content"] = *it;
    return result;
  }
  return message;
}

}  // namespace

void ChatTemplate::Free::operator()(aieb_template* handle) const { aieb_template_free(handle); }

ChatTemplate::ChatTemplate(std::string source, const std::string& name)
    : source_(std::move(source)), name_(name) {
  aieb_template* handle = nullptr;
  const std::string error = take_error(aieb_template_parse(view(source_), &handle));
  if (!error.empty()) throw ModelError(name_ + ": " + error);
  handle_.reset(handle);
}

std::string ChatTemplate::render(const std::vector<Message>& messages, const Json& variables,
                                 std::optional<int64_t> now_s) const {
  Json list = Json::array();
  for (const Message& message : messages) {
    list.push_back({{"role", message.role}, {"content", message.content}});
  }
  return render(list, variables, now_s);
}

std::string ChatTemplate::render(const Json& messages, const Json& variables,
                                 std::optional<int64_t> now_s) const {
  Json context = variables;
  Json& list = context["messages"] = Json::array();
  for (const Json& message : messages) list.push_back(with_reasoning(message));
  std::string text;
  try {
    text = context.dump();
  } catch (const Json::exception& e) {
    throw ModelError(name_ + ": a message is not UTF-8 (" + e.what() + ")");
  }
  aieb_text rendered{};
  const std::string error = take_error(aieb_template_render(
      handle_.get(), view(text), now_s.value_or(std::time(nullptr)), &rendered));
  if (!error.empty()) throw ModelError(name_ + ": " + error);
  return take(rendered);
}

bool ChatTemplate::mentions(const std::string& variable) const {
  const auto in_word = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
  };
  for (size_t at = source_.find(variable); at != std::string::npos;
       at = source_.find(variable, at + 1)) {
    const size_t end = at + variable.size();
    const bool begins = at == 0 || !in_word(source_[at - 1]);
    if (begins && (end == source_.size() || !in_word(source_[end]))) return true;
  }
  return false;
}

Json template_variables(const TokenizerSettings& settings, bool add_generation_prompt,
                        const Json& switches) {
  Json variables = Json::object();
  for (const auto& [name, text] : settings.special_tokens) variables[name] = text;
  variables["tools"] = nullptr;
  variables["documents"] = nullptr;
  variables["add_generation_prompt"] = add_generation_prompt;
  variables.update(switches);
  return variables;
}

std::optional<ChatTemplate> load_chat_template(const std::string& folder, const std::string& name) {
  return choose(templates_of(folder), name, folder);
}

std::optional<ChatTemplate> chat_template_from_gguf(const Json& metadata, const std::string& name) {
  static const std::string kKey = "tokenizer.chat_template";
  Templates templates;
  for (const auto& [key, value] : metadata.items()) {
    if (!value.is_string()) continue;
    if (key == kKey) templates["default"] = value.get<std::string>();
    if (key.starts_with(kKey + ".")) templates[key.substr(kKey.size() + 1)] = value;
  }
  return choose(std::move(templates), name, "GGUF metadata");
}

}  // namespace aieb
