#include "cli/plan_text.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "core/text.h"

namespace aieb {
namespace {

/// One line of at most 100 bytes, cut between characters.
std::string shortened(std::string text) {
  constexpr size_t kLongest = 100;
  std::replace(text.begin(), text.end(), '\n', ' ');
  if (text.size() <= kLongest) return text;
  size_t end = kLongest;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end) + "…";
}

/// "max_new_tokens 64, sampling false": the known values of a flat mapping.
std::string listed(const Json& map) {
  std::string text;
  for (const auto& [key, value] : map.items()) {
    if (value.is_null() || value == Json::object() || value == Json::array()) continue;
    text += (text.empty() ? "" : ", ") + key + " " +
            (value.is_string() ? value.get<std::string>() : value.dump());
  }
  return text.empty() ? "none" : text;
}

}  // namespace

std::string describe_plan(const Plan& plan) {
  const Json& d = plan.description;
  std::string text;
  const auto line = [&](std::string_view label, const std::string& value) {
    text += fmt::format("{:<12}{}\n", label, printable(value));
  };
  line("benchmark", d["name"].get<std::string>());
  line("backend", listed(d["backend"]));
  line("dataset", listed(d["dataset"]));
  if (plan.protocol.is_set()) line("protocol", listed(d["protocol"]));
  line("warm-up", fmt::format("{} prompts", plan.warmup.requests.size()));
  line("measure", fmt::format("{} prompts, batch size {}, load {}", plan.measure.requests.size(),
                              plan.measure.batch_size, listed(d["load"])));
  line("reasoning", listed(d["reasoning"]));
  line("generation", listed(d["generation"]));
  line("first", shortened(plan.measure.requests.front().prompt_text));
  for (const std::string& notice : plan.notices) line("notice", notice);
  return text;
}

}  // namespace aieb
