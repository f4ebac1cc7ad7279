#include "formatters/format.h"

#include <optional>

namespace aieb {
namespace {

using Type = ReasoningFormat::Type;

constexpr const char* kEffort = "reasoning_effort";
constexpr const char* kEnable = "enable_thinking";
constexpr const char* kDisable = "disable_thinking";
constexpr const char* kBudget = "thinking_budget";
constexpr const char* kUseHarmony = "use_harmony";  // read by the registry

bool is_given(const Json& params, const char* key) {
  return params.contains(key) && !params[key].is_null();
}

/// What the parameters say about reasoning; absent if they leave it to the model.
std::optional<bool> wanted(const Json& params) {
  if (is_given(params, kDisable) && params[kDisable] == true) return false;
  if (is_given(params, kEnable)) return params[kEnable] == true;
  return std::nullopt;
}

const char* switch_name(const Json& params) {
  return is_given(params, kDisable) && params[kDisable] == true ? kDisable : kEnable;
}

std::string with_flag(std::string text, const std::string& flag) {
  constexpr std::string_view kPlace = "{flag}";
  for (size_t at = text.find(kPlace); at != std::string::npos;
       at = text.find(kPlace, at + flag.size())) {
    text.replace(at, kPlace.size(), flag);
  }
  return text;
}

}  // namespace

Formatter::Formatter(const ReasoningFormat& format, std::string model, const Json& params,
                     Route route, bool use_template)
    : family_(format.family), model_(std::move(model)) {
  const std::optional<bool> enabled = wanted(params);
  apply_effort(format, params, route);
  if (enabled && !*enabled && format.always_on) {
    no_effect(switch_name(params), format.note);
  } else if (enabled && format.type == Type::kNone) {
    no_effect(switch_name(params), format.note);
  } else if (enabled) {
    apply_switch(format, *enabled);
  }
  apply_other(format, params, route);
  if (!use_template && !template_kwargs_.empty()) {
    notices_.push_back("reasoning parameters have no effect on '" + model_ +
                       "' without its chat template (scenario.use_chat_template is false)");
  }
}

Formatter Formatter::pass_through(const Json& params, Route route, const std::string& model) {
  Formatter formatter;
  for (const auto& [key, value] : params.items()) {
    if (value.is_null() || key == kUseHarmony) continue;
    const bool top_level = route == Route::kServer && key == kEffort;
    (top_level ? formatter.request_parameters_ : formatter.template_kwargs_)[key] = value;
  }
  formatter.notices_.push_back(
      "no reasoning format is known for '" + model +
      "': its reasoning parameters are handed to its chat template as they are, and have no effect "
      "if that does not use them");
  return formatter;
}

void Formatter::apply_effort(const ReasoningFormat& format, const Json& params, Route route) {
  if (!is_given(params, kEffort)) return;
  if (format.type != Type::kHarmony) {
    no_effect(kEffort, format.note);
    return;
  }
  (route == Route::kServer ? request_parameters_ : template_kwargs_)[kEffort] = params[kEffort];
}

void Formatter::apply_switch(const ReasoningFormat& format, bool enabled) {
  switch (format.type) {
    case Type::kParameter:
      template_kwargs_[format.parameter] = enabled;
      break;
    case Type::kSystemPrompt:
    case Type::kPrefix:
      apply_flag(format, enabled);
      break;
    case Type::kHarmony:
    case Type::kNone:
      break;
  }
}

void Formatter::apply_flag(const ReasoningFormat& format, bool enabled) {
  const std::string& flag = enabled ? format.enable_flag : format.disable_flag;
  if (flag.empty()) {
    if (enabled != format.default_enabled) no_effect(enabled ? kEnable : kDisable, format.note);
    return;
  }
  if (format.type == Type::kPrefix) {
    response_prefix_ = flag;
  } else if (format.flag_position == ReasoningFormat::FlagPosition::kUser) {
    user_flag_ = flag;
  } else {
    system_prompt_ = with_flag(format.system_prompt_template, flag);
  }
}

void Formatter::apply_other(const ReasoningFormat& format, const Json& params, Route route) {
  for (const auto& [key, value] : params.items()) {
    if (value.is_null() || key == kEffort || key == kEnable || key == kDisable ||
        key == kUseHarmony) {
      continue;
    }
    const auto mapped = format.parameters.find(key);
    if (mapped != format.parameters.end() && route == Route::kServer) {
      request_parameters_[mapped->second] = value;
    } else if (mapped != format.parameters.end()) {
      no_effect(key, "only servers keep it");
    } else if (key == kBudget) {
      no_effect(key, format.note);
    } else {
      template_kwargs_[key] = value;
    }
  }
}

void Formatter::no_effect(const std::string& parameter, const std::string& reason) {
  std::string text = "'" + parameter + "' has no effect on '" + model_ + "'";
  if (!reason.empty()) text += ": " + reason;
  notices_.push_back(text);
}

Formatter Formatter::with_notices(std::vector<std::string> notices) const {
  Formatter copy = *this;
  copy.notices_.insert(copy.notices_.begin(), notices.begin(), notices.end());
  return copy;
}

FormattedPrompt Formatter::format(const std::string& prompt) const {
  FormattedPrompt formatted;
  const std::string content = user_flag_.empty() ? prompt : user_flag_ + " " + prompt;
  formatted.prompt_text = content;
  if (!system_prompt_.empty()) {
    formatted.messages.push_back({"system", system_prompt_});
    formatted.prompt_text = system_prompt_ + "\n\n" + content;
  }
  formatted.messages.push_back({"user", content});
  formatted.response_prefix = response_prefix_;
  return formatted;
}

}  // namespace aieb
