#include "runner/planner.h"

#include <algorithm>
#include <climits>

#include <fmt/format.h>

#include "config/without_effect.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/random.h"
#include "datasets/dataset.h"
#include "formatters/registry.h"
#include "runner/passes.h"
#include "runner/prompt_source.h"
#include "runner/request_series.h"

namespace aieb {
namespace {

/// Which use of the run's seed draws think times.
constexpr uint64_t kThinkSeed = 20;

/// Settings that were given and that the protocol overrules.
void add_overruled(const BenchmarkConfig& given, const BenchmarkConfig& used,
                   std::vector<std::string>& notices) {
  const BenchmarkConfig defaults;
  const auto add = [&notices](const char* key, double set, double by_default, double taken) {
    if (set == by_default || set == taken) return;
    notices.push_back(
        fmt::format("{} is {:g}: the measurement protocol's {:g} counts", key, set, taken));
  };
  add("metrics.idle_s", given.metrics.idle_s, defaults.metrics.idle_s, used.metrics.idle_s);
  add("metrics.warmup_prompts", given.metrics.warmup_prompts, defaults.metrics.warmup_prompts,
      used.metrics.warmup_prompts);
  add("scenario.num_samples", given.scenario.num_samples, defaults.scenario.num_samples,
      used.scenario.num_samples);
}

/// Makes a plan; each step fills one part of it.
class Planner {
 public:
  explicit Planner(const BenchmarkConfig& config)
      : config_(config),
        scenario_(config.scenario),
        params_(generation_params(config.scenario)),
        formatter_(FormatterRegistry::load(config.scenario).formatter(config)) {}

  Plan plan() {
    complete_params();
    add_requests();
    add_protocol();
    notices();
    describe();
    return std::move(plan_);
  }

 private:
  void complete_params() {
    params_.use_cache = params_.use_cache && config_.backend.use_cache;
    if (!params_.seed && scenario_.seed != 0 && params_.samples()) params_.seed = scenario_.seed;
    for (const auto& [key, value] : formatter_.request_parameters().items()) {
      params_.extra[key] = value;
    }
  }

  void add_requests() {
    std::vector<Request> measured =
        makes_prompts(scenario_) ? made_requests() : requests_of_dataset();
    measured_ = static_cast<int>(std::count_if(measured.begin(), measured.end(),
                                               [](const Request& r) { return r.turn == 0; }));
    lay_out(config_, std::move(measured), plan_.measure);
    plan_.measure.batch_size = scenario_.batch_size;
    finish_warmup();
  }

  /// Sets the warm-up's requests; returns the measured ones.
  std::vector<Request> requests_of_dataset() {
    dataset_ = open_dataset(scenario_);
    const int wanted = scenario_.num_samples;
    const int warmups = config_.metrics.warmup_prompts;
    const std::vector<Prompt> prompts =
        dataset_->prompts(int64_t{wanted} + warmups, scenario_.seed);
    const int measured = std::min(wanted, static_cast<int>(prompts.size()));
    // Past the measured prompts; where the dataset ends, the measured ones from the back.
    unmeasured_ = std::min(warmups, static_cast<int>(prompts.size()) - measured);
    for (int i = 0; i < warmups; ++i) {
      const int from_back = (i - unmeasured_) % measured;
      const int at = i < unmeasured_ ? measured + i : measured - 1 - from_back;
      plan_.warmup.requests.push_back(request(i, prompts[at].text));
      if (i >= unmeasured_) plan_.warmup.requests.back().cache_salt = "warm-up";
    }
    std::vector<Request> requests;
    for (int i = 0; i < measured; ++i) {
      if (prompts[i].messages.empty()) {
        requests.push_back(request(i, prompts[i].text));
      } else {
        add_conversation(i, prompts[i], requests);
      }
    }
    return requests;
  }

  /// One request a turn; the backend puts what was said before in front of the later ones.
  void add_conversation(int index, const Prompt& prompt, std::vector<Request>& requests) {
    if (config_.backend.type == "pytorch") {
      throw ConfigError(fmt::format(
          "column '{}' holds conversations, which need a server (backend.type vllm, openai or "
          "ollama): pytorch answers single prompts",
          scenario_.text_column_name));
    }
    Random random(derived_seed(derived_seed(scenario_.seed, kThinkSeed), index));
    const ConversationConfig& conversation = scenario_.conversation;
    int turn = 0;
    std::string system;
    for (const Message& message : prompt.messages) {
      if (message.role == "system") {
        system = message.content;
        continue;
      }
      if (turn >= conversation.max_turns.value_or(INT_MAX)) break;
      Request next = request(index, message.content);
      next.id = static_cast<int64_t>(requests.size());
      next.session = fmt::format("conversation-{}", index);
      next.turn = turn++;
      if (next.turn == 0) {
        add_system(next.messages, system);
      } else {
        next.messages.erase(next.messages.begin(), next.messages.end() - 1);
        const double think_s =
            conversation.think_time_s + conversation.think_time_stdev_s * random.normal();
        next.think_time_ns = nanoseconds(std::max(0.0, think_s));
      }
      requests.push_back(std::move(next));
    }
  }

  /// A reasoning format may have a system message of its own: it follows the dataset's.
  static void add_system(std::vector<Message>& messages, const std::string& text) {
    if (text.empty()) return;
    if (messages.front().role == "system") {
      messages.front().content = text + "\n\n" + messages.front().content;
    } else {
      messages.insert(messages.begin(), {"system", text});
    }
  }

  std::vector<Request> made_requests() {
    MadePrompts made =
        make_prompts(config_, [this](const std::string& text) { return request(0, text); });
    for (std::string& text : made.notices) notice(std::move(text));
    made_name_ = std::move(made.name);
    plan_.measure.load.arrivals_ns = std::move(made.arrivals_ns);
    plan_.warmup.requests = std::move(made.warmup);
    unmeasured_ = config_.metrics.warmup_prompts;
    return std::move(made.measured);
  }

  /// Before a load, the prompts of the warm-up are in flight together and open as many connections.
  void warm_up_together() {
    const LoadPlan& measured = plan_.measure.load;
    const bool one_at_a_time = measured.mode == "sequential";
    const auto all = static_cast<int>(std::max<size_t>(1, plan_.warmup.requests.size()));
    plan_.warmup.load.mode = one_at_a_time ? "sequential" : "closed";
    plan_.warmup.load.concurrency = one_at_a_time              ? 1
                                    : measured.concurrency > 1 ? measured.concurrency
                                                               : all;
  }

  void finish_warmup() {
    const auto prompts = static_cast<int64_t>(plan_.measure.requests.size());
    const std::optional<int64_t> planned = planned_requests(plan_.measure);
    const int64_t first_id = planned.value_or(prompts);
    for (size_t i = 0; i < plan_.warmup.requests.size(); ++i) {
      Request& request = plan_.warmup.requests[i];
      request.id = first_id + static_cast<int64_t>(i);
      request.prompt_index = static_cast<int>(request.id);
    }
    warm_up_together();
    plan_.warmup.batch_size = scenario_.batch_size;
    // Where the number is known, ids are positions, and those of the warm-up follow.
    plan_.measure.load.first_repeat_id =
        planned ? prompts : first_id + static_cast<int64_t>(plan_.warmup.requests.size());
  }

  [[nodiscard]] Request request(int id, const std::string& text) const {
    FormattedPrompt formatted = formatter_.format(text);
    Request request;
    request.id = id;
    request.prompt_index = id;
    request.messages = std::move(formatted.messages);
    request.prompt_text = std::move(formatted.prompt_text);
    request.response_prefix = std::move(formatted.response_prefix);
    request.template_kwargs = formatter_.template_kwargs();
    request.params = params_;
    return request;
  }

  void add_protocol() {
    plan_.protocol = protocol_of(config_.metrics);
    plan_.pauses_s = planned_pauses(plan_.protocol, scenario_.seed);
    plan_.salt_passes = salts_repeats(config_);
    if (plan_.protocol.repeats > 1) {
      notice(repeat_notice(
          config_, fmt::format("the prompts are measured {} times", plan_.protocol.repeats)));
    }
  }

  void notices() {
    if (dataset_) dataset_notices();
    if (unmeasured_ < config_.metrics.warmup_prompts) {
      notice(fmt::format("warm-up repeats {} measured prompts: the dataset has no others",
                         config_.metrics.warmup_prompts - unmeasured_));
    }
    if (params_.do_sample == false && (params_.temperature || params_.top_p || params_.top_k)) {
      notice("do_sample is false: temperature, top_p and top_k have no effect (greedy)");
    }
    for (const std::string& text : load_notices(config_, plan_.measure, measured_)) notice(text);
    for (const std::string& text : formatter_.notices()) notice(text);
    for (const std::string& text : settings_without_effect(config_)) notice(text);
  }

  void dataset_notices() {
    if (measured_ < scenario_.num_samples) {
      notice(fmt::format("dataset '{}' has {} prompts, fewer than num_samples ({}): all are used",
                         dataset_->name(), measured_, scenario_.num_samples));
    }
    if (dataset_->empty_rows() > 0) {
      notice(fmt::format("dataset '{}': {} rows without a prompt are left out", dataset_->name(),
                         dataset_->empty_rows()));
    }
  }

  void notice(std::string text) { plan_.notices.push_back(std::move(text)); }

  void describe() {
    plan_.description = {
        {"name", config_.name},
        {"backend", {{"type", config_.backend.type}, {"model", config_.backend.model}}},
        {"dataset", dataset_description()},
        {"warmup_prompts", plan_.warmup.requests.size()},
        {"batch_size", scenario_.batch_size},
        {"load", describe_load(config_, plan_.measure)},
        {"protocol", to_json(plan_.protocol)},
        {"pauses_s", plan_.pauses_s},
        {"reasoning", reasoning()},
        {"generation", generation()},
    };
  }

  [[nodiscard]] Json dataset_description() const {
    return {{"name", dataset_ ? dataset_->name() : made_name_},
            {"column", dataset_ ? Json(scenario_.text_column_name) : Json()},
            {"size", dataset_ ? Json(dataset_->size()) : Json()},
            {"num_samples", measured_},
            {"seed", scenario_.seed}};
  }

  [[nodiscard]] Json reasoning() const {
    const Request& first = plan_.measure.requests.front();
    return {
        {"family", formatter_.family().empty() ? Json() : Json(formatter_.family())},
        {"system_prompt", first.messages.size() > 1 ? Json(first.messages[0].content) : Json()},
        {"response_prefix", first.response_prefix.empty() ? Json() : Json(first.response_prefix)},
        {"template_kwargs", formatter_.template_kwargs()},
        {"request_parameters", formatter_.request_parameters()}};
  }

  /// What was set; what is absent is the model's or the framework's choice.
  [[nodiscard]] Json generation() const {
    Json out = to_json(params_);
    out["sampling"] = params_.samples();
    return out;
  }

  const BenchmarkConfig& config_;
  const ScenarioConfig& scenario_;
  GenerationParams params_;
  Formatter formatter_;
  std::unique_ptr<Dataset> dataset_;  ///< null: the prompts were made
  std::string made_name_;
  int measured_ = 0;    ///< different prompts that are measured
  int unmeasured_ = 0;  ///< warm-up prompts that are not among them
  Plan plan_;
};

}  // namespace

Plan make_plan(const BenchmarkConfig& config) {
  BenchmarkConfig under_protocol = config;
  apply_protocol(under_protocol);
  Plan plan = Planner(under_protocol).plan();
  add_overruled(config, under_protocol, plan.notices);
  return plan;
}

}  // namespace aieb
