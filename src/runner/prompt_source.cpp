#include "runner/prompt_source.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>

#include <fmt/format.h>

#include "backends/vllm/server_tokenizer.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/random.h"
#include "core/token_counter.h"
#include "datasets/arrival_trace.h"
#include "datasets/local_tokenizer.h"
#include "datasets/synthetic.h"

namespace aieb {
namespace {

/// Uses of the run's seed.
enum class Draw : uint64_t { kInput = 2, kOutput, kGroup, kPrefix, kText, kBlock, kWarmup };

uint64_t seed_for(const ScenarioConfig& scenario, Draw use, uint64_t item) {
  return derived_seed(derived_seed(scenario.seed, static_cast<uint64_t>(use)), item);
}

/// Numbers of tokens as a configuration wants them.
class Lengths {
 public:
  Lengths(const TokenLengthConfig& config, const std::string& key) : config_(config) {
    low_ = config.min.value_or(1);
    high_ = config.max.value_or(std::numeric_limits<int>::max());
    if (low_ > high_) throw ConfigError(key + ": min is larger than max");
    if (config.mean && (*config.mean < low_ || *config.mean > high_)) {
      throw ConfigError(key + ": the mean lies outside of min and max");
    }
  }

  [[nodiscard]] int64_t draw(uint64_t seed) const {
    Random random(seed);
    if (!config_.mean) {
      return low_ + static_cast<int64_t>(random.below(static_cast<uint64_t>(high_ - low_ + 1)));
    }
    for (int i = 0; i < kTries; ++i) {
      const double value = std::round(*config_.mean + config_.stdev * random.normal());
      if (value >= static_cast<double>(low_) && value <= static_cast<double>(high_)) {
        return static_cast<int64_t>(value);
      }
    }
    return std::llround(*config_.mean);
  }

 private:
  static constexpr int kTries = 1000;
  const TokenLengthConfig& config_;
  int64_t low_ = 1;
  int64_t high_ = 1;
};

std::unique_ptr<TokenCounter> own_tokenizer(const BenchmarkConfig& config,
                                            const std::string& server_says) {
  const std::string& model = config.backend.model;
  try {
    return local_token_counter(model, config.backend.revision, config.scenario);
  } catch (const Stopped&) {
    throw;
  } catch (const Error& why) {
    throw EnvironmentError(fmt::format(
        "prompts of exact lengths need a tokenizer, and there is none.\n"
        "1. The server's: {}\n"
        "2. The model's own: {}\n"
        "Use a server with /tokenize (backend.type vllm), or set scenario.synthetic.tokenizer to a "
        "folder with tokenizer.json or a Hugging Face id",
        server_says, why.what()));
  }
}

std::unique_ptr<TokenCounter> open_counter(const BenchmarkConfig& config) {
  const ScenarioConfig& scenario = config.scenario;
  const std::string& chosen = scenario.synthetic.tokenizer;
  if (!chosen.empty()) return local_token_counter(chosen, "", scenario);
  if (config.backend.type != "vllm") {
    return own_tokenizer(config, "backend.type " + config.backend.type + " promises no /tokenize");
  }
  try {
    return server_token_counter(config.backend, scenario);
  } catch (const ServerError& why) {
    return own_tokenizer(config, why.what());
  }
}

/// Makes one run's prompts.
class PromptMaker {
 public:
  PromptMaker(const BenchmarkConfig& config, const MakeRequest& make_request)
      : config_(config),
        scenario_(config.scenario),
        make_request_(make_request),
        counter_(open_counter(config)),
        prompts_([this](const std::string& text) { return counter_->count(make_request_(text)); },
                 counter_->name()) {}

  MadePrompts make() {
    if (scenario_.load.mode == "trace") {
      replay();
    } else {
      draw_lengths();
    }
    if (short_ > 0) {
      notice(
          fmt::format("{} prompts should have fewer tokens than the chat template and one word "
                      "take ({}): they have that many",
                      short_, prompts_.fewest_tokens()));
    }
    notice(fmt::format("the lengths of the prompts are counted by {}", counter_->name()));
    return std::move(made_);
  }

 private:
  void notice(std::string text) { made_.notices.push_back(std::move(text)); }

  Request request(std::span<const Segment> segments, uint64_t seed, int64_t input_tokens,
                  std::optional<int64_t> output_tokens) {
    if (input_tokens < prompts_.fewest_tokens()) ++short_;
    input_tokens = std::max(input_tokens, prompts_.fewest_tokens());
    Request out = make_request_(prompts_.make(segments, seed, input_tokens));
    if (output_tokens) {
      const auto tokens = static_cast<int>(*output_tokens);
      out.params.max_new_tokens = tokens;
      out.params.min_new_tokens = tokens;
      out.params.ignore_eos = true;
    }
    return out;
  }

  void add(std::vector<Request>& requests, Request request) {
    request.id = static_cast<int64_t>(requests.size());
    request.prompt_index = static_cast<int>(request.id);
    requests.push_back(std::move(request));
  }

  void draw_lengths() {
    made_.name = "synthetic";
    const SyntheticConfig& synthetic = scenario_.synthetic;
    const Lengths input(synthetic.input_tokens, "scenario.synthetic.input_tokens");
    std::optional<Lengths> output;
    if (synthetic.output_tokens.is_set()) {
      output.emplace(synthetic.output_tokens, "scenario.synthetic.output_tokens");
    }
    const int count = scenario_.num_samples + config_.metrics.warmup_prompts;
    for (int i = 0; i < count; ++i) {
      const auto item = static_cast<uint64_t>(i);
      Random group(seed_for(scenario_, Draw::kGroup, item));
      const uint64_t prefix = group.below(static_cast<uint64_t>(synthetic.prefix_groups));
      const Segment shared{seed_for(scenario_, Draw::kPrefix, prefix), synthetic.prefix_tokens};
      const int64_t tokens =
          synthetic.prefix_tokens + input.draw(seed_for(scenario_, Draw::kInput, item));
      std::optional<int64_t> answer;
      if (output) answer = output->draw(seed_for(scenario_, Draw::kOutput, item));
      add(i < scenario_.num_samples ? made_.measured : made_.warmup,
          request({&shared, 1}, seed_for(scenario_, Draw::kText, item), tokens, answer));
    }
  }

  void replay() {
    const LoadConfig& load = scenario_.load;
    if (load.trace_file.empty()) {
      throw ConfigError("scenario.load.mode trace needs scenario.load.trace_file (csv or jsonl)");
    }
    const ArrivalTrace trace = read_arrival_trace(load.trace_file);
    made_.name = fmt::format("{} trace {}", trace.format, load.trace_file);
    if (trace.left_out > 0) {
      notice(fmt::format("{}: {} requests without input or output tokens are left out",
                         load.trace_file, trace.left_out));
    }
    const auto most = static_cast<size_t>(load.request_count.value_or(kLargest));
    for (size_t i = 0; i < trace.requests.size() && i < most; ++i) {
      const TracedRequest& traced = trace.requests[i];
      const double offset_ns = static_cast<double>(traced.offset_ns) / load.time_scale;
      if (load.duration_s && offset_ns * 1e-9 >= *load.duration_s) break;
      add(made_.measured, traced_request(traced, seed_for(scenario_, Draw::kText, i)));
      made_.arrivals_ns.push_back(std::llround(offset_ns));
    }
    for (int i = 0; i < config_.metrics.warmup_prompts; ++i) {
      const auto item = static_cast<size_t>(i) % trace.requests.size();
      const auto seed = seed_for(scenario_, Draw::kWarmup, static_cast<uint64_t>(i));
      TracedRequest fresh = trace.requests[item];
      fresh.prefix_blocks.clear();
      add(made_.warmup, traced_request(fresh, seed));
    }
  }

  Request traced_request(const TracedRequest& traced, uint64_t seed) {
    std::vector<Segment> blocks;
    for (const int64_t id : traced.prefix_blocks) {
      blocks.push_back(
          {seed_for(scenario_, Draw::kBlock, static_cast<uint64_t>(id)), kBlockTokens});
    }
    return request(blocks, seed, traced.input_tokens, traced.output_tokens);
  }

  static constexpr int kLargest = std::numeric_limits<int>::max();

  const BenchmarkConfig& config_;
  const ScenarioConfig& scenario_;
  const MakeRequest& make_request_;
  std::unique_ptr<TokenCounter> counter_;
  SyntheticPrompts prompts_;
  int64_t short_ = 0;  ///< prompts that could not be made as short as was wanted
  MadePrompts made_;
};

}  // namespace

bool makes_prompts(const ScenarioConfig& scenario) {
  const SyntheticConfig& synthetic = scenario.synthetic;
  const TokenLengthConfig& input = synthetic.input_tokens;
  if (scenario.load.mode == "trace" || input.is_set()) return true;
  const bool begun = input.min || input.max || input.stdev > 0 || synthetic.prefix_tokens > 0 ||
                     synthetic.output_tokens.is_set();
  if (begun) {
    throw ConfigError(
        "scenario.synthetic makes no prompts without scenario.synthetic.input_tokens.mean, or min "
        "and max: set these, or leave scenario.synthetic out");
  }
  return false;
}

MadePrompts make_prompts(const BenchmarkConfig& config, const MakeRequest& make_request) {
  return PromptMaker(config, make_request).make();
}

}  // namespace aieb
