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

/// "energy per prompt, estimated": the label, with what its values rest on where that is a model.
std::string row_label(const std::string& label, Basis basis);

/// "3 pairs of runs measured in turn (A B, B A, A B)"; empty where it was not so.
std::string pairs_text(const Comparison& comparison);

/// {a, b, same_sensors, pairs, order, not_comparable, notes,
/// metrics: [{key, label, a, b, difference, ratio, verdict, source}]}. `same_sensors` is null where
/// no sensor measured the energy of both.
Json comparison_json(const Results& a, const Results& b, const Comparison& comparison);

}  // namespace aieb::cli
