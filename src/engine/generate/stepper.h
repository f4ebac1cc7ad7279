#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>
#include <c10/core/Event.h>

#include "engine/decoder/decoder.h"
#include "engine/decoder/step_graph.h"

namespace aieb::engine {

/// Runs the steps of one batch at a time: whole prompts eagerly, single tokens as replays of
/// recorded graphs where the device has them. Keeps the cache and the graphs for later batches of
/// the same size. On a GPU, everything runs on the stream that is current when it is called, which
/// must be the same one each time and not the default one.
class Stepper {
 public:
  /// `make_graph` may be empty: no graphs.
  Stepper(Decoder& decoder, StepGraphMaker make_graph);

  /// Prepares for sequences of up to `capacity` positions, left-padded up to `starts`.
  void begin(const std::vector<int64_t>& starts, int64_t capacity);

  /// Positions of the sequences that the caller has seen.
  [[nodiscard]] int64_t length() const { return cache_.length - (ahead_ ? 1 : 0); }

  /// Starts the sequences again with these tokens, row-major [batch, n]. Returns float32 logits of
  /// the last position, [batch, vocabulary].
  at::Tensor restart(const std::vector<int64_t>& tokens);

  /// One more token a row. Returns the logits after them, valid until the next step.
  at::Tensor step(const std::vector<int64_t>& tokens);

  /// Greedy steps: like `step`, then the most likely token of each row. While the host looks at the
  /// tokens, the device may already run the next step, if `another` says that one is certain to be
  /// wanted unless a sequence ends. The first call after anything else takes `tokens`; the
  /// following ones continue with what the one before returned.
  std::vector<int64_t> greedy_step(const std::vector<int64_t>& tokens, bool another);

  /// Why no steps are recorded any more, after one could not be: then all of them run eagerly.
  /// Empty as long as everything could.
  [[nodiscard]] const std::string& recording_problem() const { return recording_problem_; }

  /// Whether greedy_step can be used for the next token.
  [[nodiscard]] bool has_recordable_step() const { return ahead_ || keys_for(cache_.length) > 0; }

 private:
  struct Recording {
    std::unique_ptr<StepGraph> graph;  ///< null: ran once, to be recorded next time
    at::Tensor logits;
  };
  /// Tokens on their way from the device.
  struct Arrival {
    at::Tensor tokens;  ///< int64 [batch] in pinned memory
    std::optional<c10::Event> copied;
  };

  /// How many cache entries a recorded step at this length reads; 0: it cannot be recorded.
  [[nodiscard]] int64_t keys_for(int64_t length) const;
  void load_step(const std::vector<int64_t>& tokens);
  at::Tensor run_recordable();
  void record(Recording& recording, const std::function<void()>& body);
  void fetch_best();
  std::vector<int64_t> await_best();

  Decoder& decoder_;
  StepGraphMaker make_graph_;
  std::string recording_problem_;
  KvCache cache_;
  at::Tensor tokens_;  ///< int64 [batch, 1] on the device: what the next recorded step reads
  at::Tensor index_;   ///< int64 [1] on the device: the cache entry that it fills
  at::Tensor best_;    ///< int64 [batch] on the device: what the last one found most likely
  std::map<std::pair<int64_t, bool>, Recording>
      recordings_;  ///< by keys and whether rows are padded
  std::deque<Arrival> arrivals_;
  bool ahead_ = false;  ///< the step after the last returned one has been launched
};

}  // namespace aieb::engine
