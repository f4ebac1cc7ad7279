#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "config/config.h"
#include "core/request.h"

namespace aieb {

/// The request that asks `text`, as reasoning format and generation settings make it; its id is not
/// set.
using MakeRequest = std::function<Request(const std::string& text)>;

/// True when prompts are made, not read: with `scenario.synthetic` lengths and when a trace is
/// replayed. Throws ConfigError when `scenario.synthetic` says too little.
bool makes_prompts(const ScenarioConfig& scenario);

/// Prompts that were made.
struct MadePrompts {
  std::vector<Request> measured;     ///< ids are positions
  std::vector<int64_t> arrivals_ns;  ///< of a trace: when each of them begins; else empty
  std::vector<Request> warmup;
  std::string name;  ///< in place of the dataset's
  std::vector<std::string> notices;
};

/// Makes `num_samples` prompts of the lengths of `scenario.synthetic`, or one for each request of
/// `scenario.load.trace_file`, and as many more as the warm-up takes. Lengths are exact: counted by
/// the tokenizer of `scenario.synthetic.tokenizer`, else by the server's /tokenize, else by the
/// model's own tokenizer. The same configuration and tokenizer give the same prompts.
///
/// Throws ConfigError, DataError (trace) and EnvironmentError, naming both ways, when there is no
/// tokenizer.
MadePrompts make_prompts(const BenchmarkConfig& config, const MakeRequest& make_request);

}  // namespace aieb
