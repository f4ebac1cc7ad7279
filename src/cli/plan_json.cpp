#include "cli/plan_json.h"

#include "config/parser.h"
#include "core/clock.h"

namespace aieb::cli {
namespace {

Json request_json(const Request& request) {
  Json messages = Json::array();
  for (const Message& m : request.messages) {
    messages.push_back({{"role", m.role}, {"content", m.content}});
  }
  return {{"prompt_index", request.prompt_index},
          {"messages", messages},
          {"max_new_tokens", request.params.max_new_tokens},
          {"min_new_tokens", request.params.min_new_tokens},
          {"sampling", request.params.samples()}};
}

}  // namespace

Json plan_json(const BenchmarkConfig& config, const Plan& plan) {
  Json requests = Json::array();
  for (const Request& request : plan.measure.requests) requests.push_back(request_json(request));
  Json arrivals = Json::array();
  for (const int64_t at_ns : plan.measure.load.arrivals_ns) arrivals.push_back(seconds(at_ns));
  return {{"config", to_public_json(config)},
          {"plan", plan.description},
          {"warmup_prompts", plan.warmup.requests.size()},
          {"requests", requests},
          {"arrivals_s", arrivals},
          {"notices", plan.notices}};
}

}  // namespace aieb::cli
