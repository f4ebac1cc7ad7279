#pragma once

#include <string>

#include "analysis/compare.h"
#include "core/json.h"
#include "reporters/terminal.h"

namespace aieb::cli {

/// Two runs side by side for a person: every metric with its uncertainty, the difference and what
/// may be said of it.
std::string comparison_text(const Results& a, const Results& b, const Comparison& comparison,
                            const TerminalStyle& style);

/// {a, b, same_sensors, not_comparable, metrics: [{key, label, a, b, difference, ratio, verdict}]}.
Json comparison_json(const Results& a, const Results& b, const Comparison& comparison);

}  // namespace aieb::cli
