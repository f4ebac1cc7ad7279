#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/json.h"

namespace aieb {

struct VerifyOptions {
  std::string model;  ///< as backend.model
  std::string revision;
  std::string device = "cpu";
  std::string prompts;  ///< as scenario.dataset_name; empty: the bundled ones
  std::string column = "text";
  int num_prompts = 5;
  int max_new_tokens = 24;
  std::string python;  ///< interpreter with transformers; empty: the first environment that has it
};

/// How one prompt's answer compares.
struct VerifiedPrompt {
  std::string text;
  std::optional<bool> same_prompt_tokens;  ///< absent: the reference has no tokenizer
  int64_t same_tokens = 0;                 ///< equal tokens from the start of the answers
  int64_t tokens = 0;                      ///< of the longer answer
  double largest_logit_difference = 0;     ///< at the prompt's last position
  bool logits_agree = false;               ///< every |ours − theirs| ≤ 2e-4 + 1e-4·|theirs|

  [[nodiscard]] bool agrees() const {
    return same_prompt_tokens.value_or(true) && same_tokens == tokens && logits_agree;
  }
};

struct VerifyReport {
  std::string model_path;
  std::string device;
  std::string transformers_version;
  std::string torch_version;
  std::vector<VerifiedPrompt> prompts;

  [[nodiscard]] bool agrees() const;
};

Json to_json(const VerifyReport& report);

/// Answers prompts greedily with the native engine and with an installed transformers, both in
/// float32, the latter on the CPU and on the former's prompt tokens, and compares.
/// Throws EnvironmentError when there is no transformers, ModelError when either cannot load the
/// model or fails on a prompt.
VerifyReport verify_engine(const VerifyOptions& options);

}  // namespace aieb
