#pragma once

#include <string>
#include <vector>

#include "config/node.h"

namespace aieb {

/// Collects what is wrong with a configuration, so that a user sees everything at once.
class Problems {
 public:
  void error(const Origin& origin, const std::string& text);
  void warning(const Origin& origin, const std::string& text);

  /// Throws one ConfigError with all errors, a line each: place by place, each from top to bottom.
  void throw_if_any() const;

  /// In the same order.
  [[nodiscard]] std::vector<std::string> warnings() const { return sorted_texts(warnings_); }

 private:
  struct Problem {
    Origin origin;
    std::string text;
  };
  static std::vector<std::string> sorted_texts(std::vector<Problem> problems);

  std::vector<Problem> errors_;
  std::vector<Problem> warnings_;
};

}  // namespace aieb
