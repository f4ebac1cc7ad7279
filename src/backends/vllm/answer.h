#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "backends/vllm/chunk.h"
#include "core/events.h"

namespace aieb::server {

/// Assembles one answer from its chunks: text, times, token counts.
///
/// First token: the first chunk with content, reasoning or tool text; a chunk that only names the
/// role is none. Tokens of a chunk: the growth of the choice's cumulative usage, else the number of
/// its token ids, else one for a chunk with text. Tokens reported before any text are counted with
/// the first text, so that the arrivals begin at the first token.
class Answer {
 public:
  /// Begins an answer of up to `expected_tokens`, which arrives into `record`.
  void begin(RequestRecord& record, int expected_tokens);

  /// A streamed chunk that was read at `t_ns`. Returns the tokens that it brought.
  int add(const Chunk& chunk, int64_t t_ns);

  /// A whole, unstreamed response: text and counts, but no first token time.
  void add_whole(const Chunk& chunk, int64_t t_ns);

  /// Writes what is known only at the end into the record.
  void finish();

  [[nodiscard]] bool begun() const { return record_->first_token_ns.has_value(); }
  [[nodiscard]] bool has_finish_reason() const { return !record_->finish_reason.empty(); }

 private:
  /// How tokens were counted, worst last.
  enum class Counting { kUsage, kTokenIds, kChunks };

  struct ChoiceState {
    int64_t counted = 0;  ///< tokens of this choice so far
    std::string text;     ///< of choices after the first
  };

  int tokens_of(const ChunkChoice& choice, const Chunk& chunk, ChoiceState& state);
  void keep_text(const ChunkChoice& choice, ChoiceState& state, int64_t t_ns);
  void keep_usage(const Usage& usage, bool final);
  void keep_times(const Chunk& chunk);
  [[nodiscard]] int64_t counted() const;
  void arrive(int tokens, bool text, int64_t t_ns);

  RequestRecord* record_ = nullptr;
  std::vector<ChoiceState> choices_;
  Counting counting_ = Counting::kUsage;
  int pending_ = 0;  ///< tokens reported before the first text
  int64_t reasoning_tokens_ = 0;
  int64_t shared_chunks_ = 0;  ///< chunks of more than one token
  std::string reasoning_;
  std::optional<int64_t> first_answer_ns_;  ///< first content after or without reasoning
  bool exact_total_ = false;                ///< output_tokens came from usage
};

}  // namespace aieb::server
