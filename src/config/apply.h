#pragma once

#include "config/config.h"
#include "config/node.h"
#include "config/problems.h"

namespace aieb {

/// What to do with keys that the table does not know.
enum class UnknownKeys {
  kSuggest,  ///< near a known key: an error with the suggestion; else a warning
  kReject,   ///< an error
  kIgnore,
};

/// Sets the members of `config` that `document` names, through the option table.
void apply_document(const Node& document, UnknownKeys unknown, BenchmarkConfig& config,
                    Problems& problems);

}  // namespace aieb
