#include "backends/vllm/chunk.h"

#include <cmath>
#include <cstring>

#include <simdjson.h>

#include "core/json.h"

namespace aieb::server {
namespace {

namespace od = simdjson::ondemand;
using simdjson::simdjson_error;

constexpr size_t kMaxFaultBytes = 2000;

/// A string, or empty for null and anything else.
std::string_view text_of(od::value value) {
  return value.type() == od::json_type::string ? std::string_view(value.get_string())
                                               : std::string_view();
}

/// A count; absent for what cannot be one, which would else end in rates and energies per token.
std::optional<int64_t> count_of(od::value value) {
  constexpr double kMost = 1e15;  // some are durations in ns
  if (value.type() != od::json_type::number) return std::nullopt;
  const double number = value.get_double();
  if (!(number >= 0) || number > kMost || number != std::floor(number)) return std::nullopt;
  return static_cast<int64_t>(number);
}

/// The count under `key` of an object such as prompt_tokens_details, which may be null.
std::optional<int64_t> detail_of(od::value value, std::string_view key) {
  if (value.type() != od::json_type::object) return std::nullopt;
  std::optional<int64_t> found;
  for (auto field : value.get_object()) {
    if (std::string_view(field.unescaped_key()) == key) found = count_of(field.value());
  }
  return found;
}

void read_usage(od::value value, Chunk& chunk) {
  if (value.type() != od::json_type::object) return;
  Usage usage;
  for (auto field : value.get_object()) {
    const std::string_view key = field.unescaped_key();
    if (key == "prompt_tokens") {
      usage.prompt_tokens = count_of(field.value());
    } else if (key == "completion_tokens") {
      usage.completion_tokens = count_of(field.value());
    } else if (key == "prompt_tokens_details") {
      usage.cached_tokens = detail_of(field.value(), "cached_tokens");
    } else if (key == "completion_tokens_details") {
      usage.reasoning_tokens = detail_of(field.value(), "reasoning_tokens");
    }
  }
  chunk.usage = usage;
}

/// True when a call's function has a name or arguments.
bool call_has_text(od::value call) {
  if (call.type() != od::json_type::object) return false;
  bool any = false;
  for (auto field : call.get_object()) {
    if (std::string_view(field.unescaped_key()) != "function") continue;
    od::value function = field.value();
    if (function.type() != od::json_type::object) continue;
    for (auto part : function.get_object()) any = !text_of(part.value()).empty() || any;
  }
  return any;
}

bool calls_have_text(od::value value) {
  if (value.type() != od::json_type::array) return false;
  bool any = false;
  for (auto call : value.get_array()) any = call_has_text(call.value()) || any;
  return any;
}

/// A streamed `delta` or a whole `message`.
void read_delta(od::value value, ChunkChoice& choice) {
  if (value.type() != od::json_type::object) return;
  for (auto field : value.get_object()) {
    const std::string_view key = field.unescaped_key();
    if (key == "content") {
      choice.content = text_of(field.value());
    } else if (key == "reasoning" || key == "reasoning_content" || key == "thinking") {
      // Servers in transition send both, with the same text.
      const std::string_view text = text_of(field.value());
      if (!text.empty()) choice.reasoning = text;
    } else if (key == "tool_calls") {
      choice.tool_text = calls_have_text(field.value()) || choice.tool_text;
    } else if (key == "refusal") {
      choice.tool_text = !text_of(field.value()).empty() || choice.tool_text;
    }
  }
}

void read_choice(od::value value, ChunkChoice& choice) {
  for (auto field : value.get_object()) {
    const std::string_view key = field.unescaped_key();
    if (key == "index") {
      choice.index = static_cast<int>(count_of(field.value()).value_or(0));
    } else if (key == "delta" || key == "message") {
      read_delta(field.value(), choice);
    } else if (key == "text") {
      choice.content = text_of(field.value());
    } else if (key == "finish_reason") {
      choice.finish_reason = text_of(field.value());
    } else if (key == "token_ids") {
      od::value ids = field.value();
      if (ids.type() == od::json_type::array) {
        choice.token_ids = static_cast<int>(size_t{ids.count_elements()});
      }
    }
  }
}

void read_choices(od::value value, Chunk& chunk) {
  if (value.type() != od::json_type::array) return;
  for (auto element : value.get_array()) {
    read_choice(element.value(), chunk.choices.emplace_back());
  }
}

/// The only choice of an answer of Ollama's.
ChunkChoice& only_choice(Chunk& chunk) {
  return chunk.choices.empty() ? chunk.choices.emplace_back() : chunk.choices.front();
}

/// A field that only Ollama's own API has at top level. Its counts come with the last payload.
void read_ollama(std::string_view key, od::value value, Chunk& chunk) {
  const auto usage = [&chunk]() -> Usage& {
    return chunk.usage ? *chunk.usage : chunk.usage.emplace();
  };
  if (key == "message" && value.type() == od::json_type::object) {
    read_delta(value, only_choice(chunk));
  } else if (key == "response") {
    only_choice(chunk).content = text_of(value);
  } else if (key == "thinking") {
    only_choice(chunk).reasoning = text_of(value);
  } else if (key == "done" && value.type() == od::json_type::boolean) {
    chunk.done = bool{value.get_bool()};
  } else if (key == "done_reason") {
    only_choice(chunk).finish_reason = text_of(value);
  } else if (key == "prompt_eval_count") {
    usage().prompt_tokens = count_of(value);
  } else if (key == "eval_count") {
    usage().completion_tokens = count_of(value);
  } else if (key == "total_duration") {
    chunk.times.total = count_of(value);
  } else if (key == "load_duration") {
    chunk.times.load = count_of(value);
  } else if (key == "prompt_eval_duration") {
    chunk.times.prompt_eval = count_of(value);
  } else if (key == "eval_duration") {
    chunk.times.eval = count_of(value);
  }
}

std::string string_at(const Json& object, const char* key) {
  const auto it = object.find(key);
  if (it == object.end() || it->is_null()) return {};
  return it->is_string() ? it->get<std::string>() : it->dump();
}

}  // namespace

struct ChunkParser::State {
  od::parser parser;
  std::vector<char> padded;  ///< the payload with the padding that simdjson reads into
};

ChunkParser::ChunkParser() : state_(std::make_unique<State>()) {}
ChunkParser::~ChunkParser() = default;

bool ChunkParser::parse(std::string_view payload, Chunk& chunk) {
  chunk.choices.clear();
  chunk.usage.reset();
  chunk.has_error = false;
  chunk.done = false;
  chunk.times = {};
  std::vector<char>& padded = state_->padded;
  const size_t needed = payload.size() + simdjson::SIMDJSON_PADDING;
  if (padded.size() < needed) padded.resize(needed * 2);
  std::memcpy(padded.data(), payload.data(), payload.size());
  try {
    od::document document = state_->parser.iterate(padded.data(), payload.size(), padded.size());
    for (auto field : document.get_object()) {
      const std::string_view key = field.unescaped_key();
      if (key == "choices") {
        read_choices(field.value(), chunk);
      } else if (key == "usage") {
        read_usage(field.value(), chunk);
      } else if (key == "error") {
        chunk.has_error = od::value(field.value()).type() != od::json_type::null;
      } else if (key == "object") {
        chunk.has_error = text_of(field.value()) == "error" || chunk.has_error;
      } else {
        read_ollama(key, field.value(), chunk);
      }
    }
    return true;
  } catch (const simdjson_error&) {
    return false;
  }
}

ServerFault read_fault(std::string_view body) {
  ServerFault fault;
  const Json json = Json::parse(body, nullptr, false);
  if (json.is_object()) {
    const auto error = json.find("error");
    const bool nested = error != json.end() && error->is_object();
    const Json& source = nested ? *error : json;
    fault.message = string_at(source, "message");
    fault.param = string_at(source, "param");
    if (fault.message.empty() && !nested) fault.message = string_at(json, "error");
    if (fault.message.empty()) fault.message = string_at(json, "detail");
  }
  if (fault.message.empty()) fault.message = body.substr(0, kMaxFaultBytes);
  return fault;
}

}  // namespace aieb::server
