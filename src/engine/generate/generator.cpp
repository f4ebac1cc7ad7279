#include "engine/generate/generator.h"

#include <algorithm>

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include "engine/generate/logits.h"

namespace aieb::engine {
namespace {

/// While it lives, ATen works on the calling thread alone. One row of scores is too little to
/// share, and OpenMP's threads, which spin on after their work, would take the cores from the
/// decoder's own team (measured: 65 instead of 150 tokens/s).
class OneThread {
 public:
  OneThread() : threads_(at::get_num_threads()) { at::set_num_threads(1); }
  ~OneThread() { at::set_num_threads(threads_); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int threads_;
};

/// State of one sequence of the batch.
struct Row {
  const Prompt* prompt = nullptr;
  size_t padding = 0;
  std::vector<int64_t> sequence;  ///< padding, prompt, generated
  int64_t generated = 0;
  bool done = false;
  at::Generator random;
  Continuation result;
};

class Batch {
 public:
  Batch(Stepper& stepper, Decoder& decoder, const std::vector<Prompt>& prompts,
        const GenerationHooks& hooks)
      : stepper_(stepper), decoder_(decoder), hooks_(hooks) {
    size_t longest = 0;
    for (const auto& prompt : prompts) longest = std::max(longest, prompt.tokens.size());
    int64_t new_tokens = 0;
    std::vector<int64_t> starts;
    for (const auto& prompt : prompts) {
      Row row;
      row.prompt = &prompt;
      row.padding = longest - prompt.tokens.size();
      row.sequence.assign(row.padding, prompt.settings.pad);
      row.sequence.insert(row.sequence.end(), prompt.tokens.begin(), prompt.tokens.end());
      row.random = at::make_generator<at::CPUGeneratorImpl>(prompt.settings.seed);
      starts.push_back(static_cast<int64_t>(row.padding));
      new_tokens = std::max(new_tokens, prompt.settings.max_new_tokens);
      use_cache_ = use_cache_ && prompt.settings.use_cache;
      rows_.push_back(std::move(row));
    }
    stepper_.begin(starts, static_cast<int64_t>(longest) + new_tokens);
  }

  std::vector<Continuation> run(const std::stop_token& stop) {
    for (bool first = true; !finished(); first = false) {
      if (stop.stop_requested()) {
        cancel();
        break;
      }
      if (first || must_restart(stepper_.length() + 1)) {
        const at::Tensor logits = stepper_.restart(all_tokens());
        if (first && hooks_.keep_prompt_logits) keep_prompt_logits(logits);
        append(choose(logits));
      } else if (plain() && stepper_.has_recordable_step()) {
        append(stepper_.greedy_step(last_tokens(), goes_on_after_next()));
      } else {
        append(choose(stepper_.step(last_tokens())));
      }
    }
    std::vector<Continuation> results;
    for (auto& row : rows_) results.push_back(std::move(row.result));
    return results;
  }

 private:
  [[nodiscard]] bool finished() const { return std::ranges::all_of(rows_, &Row::done); }

  [[nodiscard]] bool must_restart(int64_t length) const {
    return !use_cache_ || decoder_.must_recompute(length);
  }

  /// Whether every row takes the most likely token, from now on.
  [[nodiscard]] bool plain() const {
    return std::ranges::all_of(rows_, [](const Row& row) {
      const GenerationSettings& s = row.prompt->settings;
      return !s.sample && s.repetition_penalty == 1 && row.generated >= s.min_new_tokens;
    });
  }

  /// Whether some row will take a token after its next one, unless that one ends it.
  [[nodiscard]] bool goes_on_after_next() const {
    return !must_restart(stepper_.length() + 2) && std::ranges::any_of(rows_, [](const Row& row) {
      return !row.done && row.generated + 1 < row.prompt->settings.max_new_tokens;
    });
  }

  [[nodiscard]] std::vector<int64_t> all_tokens() const {
    std::vector<int64_t> tokens;
    for (const Row& row : rows_) {
      tokens.insert(tokens.end(), row.sequence.begin(), row.sequence.end());
    }
    return tokens;
  }

  [[nodiscard]] std::vector<int64_t> last_tokens() const {
    std::vector<int64_t> tokens;
    for (const Row& row : rows_) tokens.push_back(row.sequence.back());
    return tokens;
  }

  void keep_prompt_logits(const at::Tensor& logits) {
    const at::Tensor local = logits.cpu().clone();
    for (size_t i = 0; i < rows_.size(); ++i) {
      rows_[i].result.prompt_logits = local[static_cast<int64_t>(i)];
    }
  }

  [[nodiscard]] std::vector<int64_t> choose(const at::Tensor& logits) {
    if (plain()) return best_tokens(logits);
    const OneThread alone;
    std::vector<int64_t> tokens(rows_.size());
    for (size_t i = 0; i < rows_.size(); ++i) {
      if (!rows_[i].done) tokens[i] = choose_for(rows_[i], logits[static_cast<int64_t>(i)]);
    }
    return tokens;
  }

  static int64_t choose_for(Row& row, const at::Tensor& logits) {
    const GenerationSettings& settings = row.prompt->settings;
    at::Tensor scores = logits.clone();
    process_logits(settings, std::span(row.sequence).subspan(row.padding), row.generated, scores);
    if (!settings.sample) return scores.argmax().item<int64_t>();
    return draw(sampling_distribution(settings, scores), row.random);
  }

  void append(const std::vector<int64_t>& tokens) {
    std::vector<size_t> grown;
    for (size_t i = 0; i < rows_.size(); ++i) {
      Row& row = rows_[i];
      if (row.done) {
        row.sequence.push_back(row.prompt->settings.pad);
        continue;
      }
      row.sequence.push_back(tokens[i]);
      row.result.tokens.push_back(tokens[i]);
      ++row.generated;
      grown.push_back(i);
    }
    if (hooks_.on_tokens) hooks_.on_tokens(grown);
    for (const size_t i : grown) check_end(rows_[i]);
  }

  void check_end(Row& row) const {
    const GenerationSettings& settings = row.prompt->settings;
    const auto end = [&row](Finish finish) {
      row.done = true;
      row.result.finish = finish;
    };
    if (std::ranges::find(settings.eos, row.sequence.back()) != settings.eos.end()) {
      end(Finish::kEos);
    } else if (ends_with_stop_string(row)) {
      end(Finish::kStopString);
    } else if (row.generated >= settings.max_new_tokens) {
      end(Finish::kLength);
    }
  }

  /// Looks for a stop string in the text of the last tokens: each token is at least one byte, save
  /// for the few that continue an unfinished character.
  [[nodiscard]] bool ends_with_stop_string(const Row& row) const {
    const auto& stops = row.prompt->settings.stop;
    if (stops.empty() || !hooks_.decode) return false;
    constexpr size_t kSpare = 8;
    size_t longest = 0;
    for (const auto& text : stops) longest = std::max(longest, text.size());
    const auto& tokens = row.result.tokens;
    const size_t count = std::min(tokens.size(), longest + kSpare);
    const std::string tail = hooks_.decode({tokens.data() + tokens.size() - count, count});
    return std::ranges::any_of(
        stops, [&tail](const std::string& text) { return tail.find(text) != std::string::npos; });
  }

  void cancel() {
    for (auto& row : rows_) {
      if (!row.done) row.result.finish = Finish::kCancelled;
      row.done = true;
    }
  }

  Stepper& stepper_;
  Decoder& decoder_;
  const GenerationHooks& hooks_;
  std::vector<Row> rows_;
  bool use_cache_ = true;
};

}  // namespace

Generator::Generator(Decoder& decoder, StepGraphMaker make_graph)
    : decoder_(decoder), stepper_(decoder, std::move(make_graph)) {
  if (!decoder.device().is_cuda()) return;
  const c10::impl::VirtualGuardImpl device(decoder.device().type());
  for (const Lane& lane : decoder.plan().lanes) {
    device.synchronizeDevice(lane.device.index());  // the weights were written on other streams
  }
  stream_ = device.getStreamFromGlobalPool(decoder.device(), /*isHighPriority=*/false);
}

std::vector<Continuation> Generator::generate(const std::vector<Prompt>& prompts,
                                              const GenerationHooks& hooks,
                                              const std::stop_token& stop) {
  const c10::OptionalStreamGuard on_stream(stream_);
  return Batch(stepper_, decoder_, prompts, hooks).run(stop);
}

}  // namespace aieb::engine
