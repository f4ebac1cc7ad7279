#pragma once

#include <cstdint>
#include <string>

#include "core/request.h"

namespace aieb {

/// Counts the tokens of prompts as the model gets them: chat template and special tokens included.
class TokenCounter {
 public:
  virtual ~TokenCounter() = default;

  /// Throws Error when the request cannot be counted.
  virtual int64_t count(const Request& request) = 0;

  /// Whose tokenizer it is, for people.
  [[nodiscard]] virtual std::string name() const = 0;
};

}  // namespace aieb
