#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "formatters/format.h"

namespace aieb {

/// The reasoning formats of reasoning_formats.yaml.
class FormatterRegistry {
 public:
  /// The registry in force: `scenario.reasoning_formats`, else $AIEB_REASONING_FORMATS, else the
  /// bundled file. Throws ConfigError for a file that cannot be read or is not valid.
  static FormatterRegistry load(const ScenarioConfig& scenario);

  /// From YAML or JSON text; `place` names it in errors.
  static FormatterRegistry parse(std::string_view text, const std::string& place);

  /// The format of a model, by exact name, then by the longest matching pattern; absent: none.
  [[nodiscard]] std::optional<ReasoningFormat> find(const std::string& model) const;

  /// The formatter of a run: does nothing unless the scenario asks for reasoning, and then says in
  /// `notices` what has no effect.
  [[nodiscard]] Formatter formatter(const BenchmarkConfig& config) const;

  [[nodiscard]] std::vector<std::string> families() const;

 private:
  /// A format for models of one name or pattern.
  struct Choice {
    std::string pattern;
    bool exact = false;
    ReasoningFormat format;
  };
  struct Family {
    ReasoningFormat format;
    std::vector<Choice> choices;    ///< patterns and exact names that lead to the family
    std::vector<Choice> overrides;  ///< formats of some of its models
  };
  friend class RegistryReader;

  /// The exact name, else the longest pattern that fits; `fit` is its length.
  static const Choice* best(const std::vector<Choice>& choices, const std::string& model, int& fit);
  [[nodiscard]] const Family* family_of(const std::string& model) const;
  [[nodiscard]] std::optional<ReasoningFormat> harmony_format() const;

  std::vector<Family> families_;
  std::vector<Choice> overrides_;
};

}  // namespace aieb
