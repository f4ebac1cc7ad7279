#include "runner/planner.h"

#include <algorithm>

#include <fmt/format.h>

#include "config/without_effect.h"
#include "core/error.h"
#include "datasets/dataset.h"
#include "formatters/registry.h"

namespace aieb {
namespace {

/// Makes a plan; each step fills one part of it.
class Planner {
 public:
  explicit Planner(const BenchmarkConfig& config)
      : config_(config),
        scenario_(config.scenario),
        params_(generation_params(config.scenario)),
        formatter_(FormatterRegistry::load(config.scenario).formatter(config)),
        dataset_(open_dataset(config.scenario)) {}

  Plan plan() {
    complete_params();
    add_requests();
    set_load();
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
    const int wanted = scenario_.num_samples;
    const int warmups = config_.metrics.warmup_prompts;
    std::vector<Prompt> prompts = dataset_->prompts(int64_t{wanted} + warmups, scenario_.seed);
    const int measured = std::min(wanted, static_cast<int>(prompts.size()));
    for (int i = 0; i < measured; ++i) plan_.measure.requests.push_back(request(i, prompts[i]));
    unmeasured_ = std::min(warmups, static_cast<int>(prompts.size()) - measured);
    for (int i = 0; i < warmups; ++i) {
      // Past the measured prompts; where the dataset ends, the measured ones from the back.
      const int from_back = (i - unmeasured_) % measured;
      const int at = i < unmeasured_ ? measured + i : measured - 1 - from_back;
      plan_.warmup.requests.push_back(request(measured + i, prompts[at]));
    }
  }

  [[nodiscard]] Request request(int id, const Prompt& prompt) const {
    FormattedPrompt formatted = formatter_.format(prompt.text);
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

  void set_load() {
    const LoadConfig& load = scenario_.load;
    if (load.mode != "sequential" && load.mode != "closed") {
      throw ConfigError("scenario.load.mode '" + load.mode +
                        "' is not available in this version; use sequential or closed");
    }
    for (Workload* workload : {&plan_.warmup, &plan_.measure}) {
      workload->load = {load.mode, load.mode == "closed" ? load.concurrency : 1};
      workload->batch_size = scenario_.batch_size;
    }
  }

  void notices() {
    const auto measured = static_cast<int>(plan_.measure.requests.size());
    if (measured < scenario_.num_samples) {
      notice(fmt::format("dataset '{}' has {} prompts, fewer than num_samples ({}): all are used",
                         dataset_->name(), measured, scenario_.num_samples));
    }
    if (dataset_->empty_rows() > 0) {
      notice(fmt::format("dataset '{}': {} rows without a prompt are left out", dataset_->name(),
                         dataset_->empty_rows()));
    }
    if (unmeasured_ < config_.metrics.warmup_prompts) {
      notice(fmt::format("warm-up repeats {} measured prompts: the dataset has no others",
                         config_.metrics.warmup_prompts - unmeasured_));
    }
    if (params_.do_sample == false && (params_.temperature || params_.top_p || params_.top_k)) {
      notice("do_sample is false: temperature, top_p and top_k have no effect (greedy)");
    }
    for (const std::string& text : formatter_.notices()) notice(text);
    for (const std::string& text : settings_without_effect(config_)) notice(text);
  }

  void notice(std::string text) { plan_.notices.push_back(std::move(text)); }

  void describe() {
    plan_.description = {
        {"name", config_.name},
        {"backend", {{"type", config_.backend.type}, {"model", config_.backend.model}}},
        {"dataset",
         {{"name", dataset_->name()},
          {"column", scenario_.text_column_name},
          {"size", dataset_->size()},
          {"num_samples", plan_.measure.requests.size()},
          {"seed", scenario_.seed}}},
        {"warmup_prompts", plan_.warmup.requests.size()},
        {"batch_size", scenario_.batch_size},
        {"load",
         {{"mode", plan_.measure.load.mode}, {"concurrency", plan_.measure.load.concurrency}}},
        {"reasoning", reasoning()},
        {"generation", generation()},
    };
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
  std::unique_ptr<Dataset> dataset_;
  int unmeasured_ = 0;
  Plan plan_;
};

}  // namespace

Plan make_plan(const BenchmarkConfig& config) { return Planner(config).plan(); }

}  // namespace aieb
