#include "cli/plan_text.h"

#include <algorithm>
#include <vector>

#include "config/parser.h"
#include "reporters/text_format.h"

namespace aieb::cli {
namespace {

constexpr size_t kLabelWidth = 22;
constexpr size_t kShownRequests = 3;
constexpr size_t kShownCharacters = 60;

std::string line(const std::string& label, const std::string& value) {
  return "  " + padded(label, kLabelWidth) + value + "\n";
}

std::string value_text(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

/// The first characters of a prompt on one line, cut between code points.
std::string excerpt(const Request& request) {
  std::string text =
      request.messages.empty() ? request.prompt_text : request.messages.back().content;
  std::ranges::replace(text, '\n', ' ');
  if (text.size() <= kShownCharacters) return text;
  size_t end = kShownCharacters;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end) + "…";
}

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

std::string where(const BackendConfig& backend) {
  return backend.type == "pytorch" ? "device " + backend.device : "endpoint " + backend.endpoint;
}

}  // namespace

std::string plan_text(const std::string& config_path, const BenchmarkConfig& config,
                      const Plan& plan) {
  const std::vector<Request>& requests = plan.measure.requests;
  std::string out = "Plan of " + config_path + " (nothing is run)\n";
  out += line("name", config.name);
  out += line("backend", config.backend.type + ", " + where(config.backend));
  out += line("model", config.backend.model);
  out += line("energy",
              config.metrics.enabled
                  ? "measured, after " + duration_text(config.metrics.idle_s) + " of idle power"
                  : "not measured (metrics.enabled is false)");
  out += line("warm-up prompts", std::to_string(plan.warmup.requests.size()));
  out += line("measured prompts", std::to_string(requests.size()));
  for (const auto& [key, value] : plan.description.items()) out += line(key, value_text(value));
  for (size_t i = 0; i < std::min(kShownRequests, requests.size()); ++i) {
    out += line("prompt " + std::to_string(requests[i].prompt_index), excerpt(requests[i]));
  }
  for (const ReporterConfig& r : config.reporters)
    out += line("report", r.type + " to " + r.output_file);
  for (const std::string& notice : plan.notices) out += "  notice: " + notice + "\n";
  return out;
}

Json plan_json(const BenchmarkConfig& config, const Plan& plan) {
  Json requests = Json::array();
  for (const Request& request : plan.measure.requests) requests.push_back(request_json(request));
  return {{"config", to_json(config)},
          {"plan", plan.description},
          {"warmup_prompts", plan.warmup.requests.size()},
          {"requests", requests},
          {"notices", plan.notices}};
}

}  // namespace aieb::cli
