#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/request.h"

namespace aieb {

/// How a model's reasoning is switched, as one entry of reasoning_formats.yaml says it (the file
/// documents the fields).
struct ReasoningFormat {
  enum class Type { kHarmony, kParameter, kSystemPrompt, kPrefix, kNone };
  enum class FlagPosition { kSystem, kUser };

  std::string family;
  Type type = Type::kNone;
  std::string parameter = "enable_thinking";
  std::map<std::string, std::string> parameters;
  std::string enable_flag;
  std::string disable_flag;
  std::string system_prompt_template = "{flag}";
  FlagPosition flag_position = FlagPosition::kSystem;
  bool default_enabled = false;
  bool always_on = false;
  std::string note;
  std::string description;
};

/// Who renders the chat template, and so where a template's variables go.
enum class Route {
  kInProcess,  ///< this process: variables of the template
  kServer,     ///< a server: reasoning_effort and budgets at the top level of the request
};

struct FormattedPrompt {
  std::vector<Message> messages;
  std::string prompt_text;      ///< for models without a chat template
  std::string response_prefix;  ///< text that the answer is made to begin with
};

/// One run's reasoning format: everything that does not depend on the prompt is worked out once.
class Formatter {
 public:
  /// Leaves prompts as they are.
  Formatter() = default;

  /// `model` is for notices. `params`: `scenario.reasoning_params`, a map. `use_template`: false
  /// when the user forbade the chat template.
  Formatter(const ReasoningFormat& format, std::string model, const Json& params, Route route,
            bool use_template);

  /// Passes `params` on to the template and the server as they are, for models without a format.
  static Formatter pass_through(const Json& params, Route route, const std::string& model);

  /// The same with these notices before its own.
  [[nodiscard]] Formatter with_notices(std::vector<std::string> notices) const;

  [[nodiscard]] FormattedPrompt format(const std::string& prompt) const;

  [[nodiscard]] const std::string& family() const { return family_; }  ///< empty: none
  [[nodiscard]] const Json& template_kwargs() const { return template_kwargs_; }
  /// Further top-level parameters of a server's request.
  [[nodiscard]] const Json& request_parameters() const { return request_parameters_; }
  [[nodiscard]] const std::vector<std::string>& notices() const { return notices_; }

 private:
  void apply_effort(const ReasoningFormat& format, const Json& params, Route route);
  void apply_switch(const ReasoningFormat& format, bool enabled);
  void apply_flag(const ReasoningFormat& format, bool enabled);
  void apply_other(const ReasoningFormat& format, const Json& params, Route route);
  void no_effect(const std::string& parameter, const std::string& reason);

  std::string family_;
  std::string model_;
  std::string system_prompt_;
  std::string user_flag_;
  std::string response_prefix_;
  Json template_kwargs_ = Json::object();
  Json request_parameters_ = Json::object();
  std::vector<std::string> notices_;
};

}  // namespace aieb
