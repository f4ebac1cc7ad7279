#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aieb::server {

/// One choice inside a chunk. Views are valid until the parser's next call.
struct ChunkChoice {
  int index = 0;
  std::string_view content;        ///< delta.content, message.content or text
  std::string_view reasoning;      ///< delta.reasoning or delta.reasoning_content
  bool tool_text = false;          ///< a tool call's name or arguments, or a refusal, arrived
  std::optional<int> token_ids;    ///< how many ids came with it
  std::string_view finish_reason;  ///< empty: not finished

  [[nodiscard]] bool has_text() const {
    return !content.empty() || !reasoning.empty() || tool_text;
  }
};

struct Usage {
  std::optional<int64_t> prompt_tokens;
  std::optional<int64_t> completion_tokens;
  std::optional<int64_t> cached_tokens;
  std::optional<int64_t> reasoning_tokens;
};

/// How long Ollama says that it took, in ns.
struct OllamaTimes {
  std::optional<int64_t> total;
  std::optional<int64_t> load;
  std::optional<int64_t> prompt_eval;
  std::optional<int64_t> eval;
};

/// What one payload of a stream, or one whole response, says.
struct Chunk {
  std::vector<ChunkChoice> choices;
  std::optional<Usage> usage;
  bool has_error = false;  ///< the payload carries an error object: see `read_fault`
  bool done = false;       ///< Ollama: the last payload
  OllamaTimes times;       ///< Ollama: of the last payload
};

/// Reads chunks of chat completions and completions, streamed or whole, and Ollama's. Fields are
/// taken in any order; unknown ones are skipped. Keeps its buffers: no allocation per chunk once
/// they have grown. Not thread-safe.
class ChunkParser {
 public:
  ChunkParser();
  ~ChunkParser();
  ChunkParser(const ChunkParser&) = delete;
  ChunkParser& operator=(const ChunkParser&) = delete;

  /// False: `payload` is not a JSON object of this kind; `chunk` is then unspecified.
  bool parse(std::string_view payload, Chunk& chunk);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// An error as servers put it: {"error":{…}}, {"error":"…"}, {"object":"error",…}, {"detail":…} or
/// plain text.
struct ServerFault {
  std::string message;
  std::string param;
};
ServerFault read_fault(std::string_view body);

}  // namespace aieb::server
