#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/json.h"

namespace aieb {

/// One turn of a conversation, as chat templates and chat servers take it.
struct Message {
  std::string role;  ///< "system", "user" or "assistant"
  std::string content;
};

/// Generation settings of one request. Absent means: the model's generation_config, then the
/// framework's default. Sampling rule (the same on every backend): see `samples`.
struct GenerationParams {
  int max_new_tokens = 100;
  int min_new_tokens = 0;
  std::optional<bool> do_sample;
  std::optional<double> temperature;
  std::optional<double> top_p;
  std::optional<int> top_k;
  std::optional<double> min_p;
  std::optional<double> repetition_penalty;
  std::vector<std::string> stop;
  std::optional<uint64_t> seed;
  bool ignore_eos = false;
  bool use_cache = true;
  int num_return_sequences = 1;
  Json extra = Json::object();  ///< further keys of generate_kwargs, for servers: sent at top level

  /// `do_sample` if given; else true exactly when temperature (> 0), top_p or top_k was given.
  [[nodiscard]] bool samples() const;
};

/// One planned request.
struct Request {
  int64_t id = 0;
  int prompt_index = 0;
  int repeat = 0;
  std::string session;  ///< conversation id, empty for single turns
  /// Position in its conversation. A turn above 0 stands right after the one before it, holds only
  /// what the user adds, and is sent `think_time_ns` after that one was answered; the backend puts
  /// history and answers in front.
  int turn = 0;
  int64_t think_time_ns = 0;
  std::vector<Message> messages;  ///< after the reasoning format; the last one is the user's
  std::string prompt_text;        ///< the plain prompt, for models without a chat template
  std::string response_prefix;    ///< text the answer is made to begin with (prefix formats)
  Json template_kwargs = Json::object();  ///< e.g. {"enable_thinking": true}
  GenerationParams params;
  /// Not empty: the server must not answer this from what it cached for requests with another salt.
  std::string cache_salt;
};

/// A stretch of a closed loop in which the limit of requests in flight goes evenly from one number
/// to another (rounded down).
struct ConcurrencyStage {
  int64_t duration_ns = 0;
  int from = 1;
  int to = 1;
};

/// How requests arrive at a server. In-process backends read `batch_size` of the workload instead.
struct LoadPlan {
  std::string mode = "sequential";  ///< sequential | closed | constant | poisson | gamma | trace
  /// Most requests in flight; in the open-loop modes 1 means no limit.
  int concurrency = 1;
  std::vector<ConcurrencyStage> stages = {};  ///< closed: the limit over time, instead of it

  /// Open loop: when each conversation is meant to begin, after the beginning, ascending. Where it
  /// holds more than the workload, the workload's are begun again in their order.
  std::vector<int64_t> arrivals_ns = {};
  /// closed: no request begins later than this after the beginning; absent: all are begun.
  std::optional<int64_t> duration_ns = std::nullopt;
  /// What has not ended this long after the beginning is cancelled; absent: all is waited for.
  std::optional<int64_t> cutoff_ns = std::nullopt;
  /// closed: after the last request the first one is begun again, until the duration or
  /// `max_requests` conversations are over.
  bool repeat = false;
  std::optional<int64_t> max_requests = std::nullopt;  ///< of a closed load that repeats
  /// Requests that are begun again have ids from here and, where it says so, a new cache salt each
  /// time round.
  int64_t first_repeat_id = 0;
  bool salt_repeats = false;
};

/// What a backend is asked to run: pure data, made by the planner from config, dataset and seed.
struct Workload {
  std::vector<Request> requests;
  LoadPlan load;
  int batch_size = 1;
};

}  // namespace aieb
