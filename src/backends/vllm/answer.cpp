#include "backends/vllm/answer.h"

#include <algorithm>
#include <array>

namespace aieb::server {
namespace {

/// Token times reserved beforehand; an answer that grows beyond reallocates.
constexpr int kMaxReserved = 4096;

}  // namespace

void Answer::begin(RequestRecord& record, int expected_tokens) {
  record_ = &record;
  record.token_times.clear();
  record.token_times.reserve(static_cast<size_t>(std::clamp(expected_tokens, 1, kMaxReserved)));
  record.text.clear();
  record.text.reserve(static_cast<size_t>(std::clamp(expected_tokens, 1, kMaxReserved)) * 5);
  choices_.clear();
  counting_ = Counting::kUsage;
  pending_ = 0;
  reasoning_tokens_ = 0;
  shared_chunks_ = 0;
  reasoning_.clear();
  first_answer_ns_.reset();
  exact_total_ = false;
}

int Answer::add(const Chunk& chunk, int64_t t_ns) {
  int tokens = 0;
  bool text = false;
  bool reasoning = false;
  for (const ChunkChoice& choice : chunk.choices) {
    const auto index = static_cast<size_t>(std::clamp(choice.index, 0, 1023));
    if (index >= choices_.size()) choices_.resize(index + 1);
    tokens += tokens_of(choice, chunk, choices_[index]);
    keep_text(choice, choices_[index], t_ns);
    text = text || choice.has_text();
    reasoning = reasoning || !choice.reasoning.empty();
  }
  if (reasoning) reasoning_tokens_ += tokens;
  arrive(tokens, text, t_ns);
  if (chunk.usage) keep_usage(*chunk.usage, chunk.choices.empty());
  if (chunk.done) keep_times(chunk);
  return tokens;
}

int Answer::tokens_of(const ChunkChoice& choice, const Chunk& chunk, ChoiceState& state) {
  // Usage that comes only at the end tells nothing of the chunks before it.
  const bool cumulative = chunk.choices.size() == 1 && counting_ == Counting::kUsage;
  const std::optional<int64_t> so_far =
      cumulative && chunk.usage ? chunk.usage->completion_tokens : std::nullopt;
  int64_t tokens = 0;
  if (so_far) {
    tokens = std::max<int64_t>(0, *so_far - state.counted);
  } else if (choice.token_ids) {
    counting_ = std::max(counting_, Counting::kTokenIds);
    tokens = *choice.token_ids;
  } else if (choice.has_text()) {
    counting_ = Counting::kChunks;
    tokens = 1;
  }
  state.counted += tokens;
  return static_cast<int>(tokens);
}

void Answer::keep_text(const ChunkChoice& choice, ChoiceState& state, int64_t t_ns) {
  if (choice.index == 0) {
    record_->text.append(choice.content);
    reasoning_.append(choice.reasoning);
    if (!choice.finish_reason.empty()) record_->finish_reason.assign(choice.finish_reason);
  } else {
    state.text.append(choice.content);
  }
  if (!choice.content.empty() && !first_answer_ns_) first_answer_ns_ = t_ns;
}

void Answer::arrive(int tokens, bool text, int64_t t_ns) {
  if (!record_->first_token_ns) {
    pending_ += tokens;
    if (!text) return;
    record_->first_token_ns = t_ns;
    tokens = std::max(pending_, 1);
  }
  if (tokens == 0) return;
  if (tokens > 1) ++shared_chunks_;
  record_->last_token_ns = t_ns;
  record_->token_times.push_back({t_ns, tokens});
}

void Answer::keep_usage(const Usage& usage, bool final) {
  if (usage.prompt_tokens) record_->prompt_tokens = usage.prompt_tokens;
  if (usage.cached_tokens) record_->cached_tokens = usage.cached_tokens;
  if (usage.reasoning_tokens) record_->reasoning_tokens = usage.reasoning_tokens;
  // While choices interleave, usage counts one of them; only the last one counts them all.
  if (!usage.completion_tokens || (!final && choices_.size() > 1)) return;
  record_->output_tokens = usage.completion_tokens;
  exact_total_ = true;
}

/// Ollama's own counters, under its names.
void Answer::keep_times(const Chunk& chunk) {
  Json& own = record_->extra["ollama"];
  const auto keep = [&own](const char* name, const std::optional<int64_t>& value) {
    if (value) own[name] = *value;
  };
  if (chunk.usage) {
    keep("prompt_eval_count", chunk.usage->prompt_tokens);
    keep("eval_count", chunk.usage->completion_tokens);
  }
  keep("total_duration", chunk.times.total);
  keep("load_duration", chunk.times.load);
  keep("prompt_eval_duration", chunk.times.prompt_eval);
  keep("eval_duration", chunk.times.eval);
}

void Answer::add_whole(const Chunk& chunk, int64_t t_ns) {
  for (const ChunkChoice& choice : chunk.choices) {
    const auto index = static_cast<size_t>(std::clamp(choice.index, 0, 1023));
    if (index >= choices_.size()) choices_.resize(index + 1);
    keep_text(choice, choices_[index], t_ns);
  }
  first_answer_ns_.reset();
  if (chunk.usage) keep_usage(*chunk.usage, true);
  record_->last_token_ns = t_ns;
  record_->extra["streamed"] = false;
}

int64_t Answer::counted() const {
  int64_t total = 0;
  for (const ChoiceState& choice : choices_) total += choice.counted;
  return total;
}

/// Chunks alone are no count of tokens: without usage or ids, output_tokens stays unknown.
void Answer::finish() {
  constexpr std::array<const char*, 3> kCounting = {"usage", "token_ids", "chunks"};
  Json& extra = record_->extra;
  if (!record_->token_times.empty()) {
    if (!exact_total_ && counting_ == Counting::kTokenIds) record_->output_tokens = counted();
    if (counting_ != Counting::kUsage) {
      extra["tokens_counted_by"] = kCounting[static_cast<size_t>(counting_)];
    }
    if (shared_chunks_ > 0) extra["chunks_of_several_tokens"] = shared_chunks_;
  }
  if (!reasoning_.empty()) {
    extra["reasoning"] = reasoning_;
    if (first_answer_ns_) extra[kFirstAnswerNs] = *first_answer_ns_;
    if (!record_->reasoning_tokens && counting_ != Counting::kChunks) {
      record_->reasoning_tokens = reasoning_tokens_;
    }
  }
  if (choices_.size() > 1) {
    Json texts = Json::array();
    for (size_t i = 1; i < choices_.size(); ++i) texts.push_back(choices_[i].text);
    extra["further_choices"] = texts;
  }
}

}  // namespace aieb::server
