#pragma once

#include <string>
#include <string_view>

#include "core/json.h"
#include "core/quantity.h"
#include "core/results.h"
#include "reporters/metric_text.h"

namespace aieb {

/// The same quantity in the unit that gives a number people can read: mWh below 0.01 Wh, kWh from
/// 1,000 Wh, and so on. A unit that is not in the list stays.
Quantity readable(const Quantity& quantity);

/// to_text(readable(quantity)).
std::string readable_text(const Quantity& quantity);

/// {value, uncertainty, relative, unit, source, reason} as texts for people, of the quantity in
/// `unit` (empty: its own) made readable. `relative` is the uncertainty over the value, a number;
/// an unknown one has a reason instead.
Json quantity_json(Quantity quantity, std::string_view unit);

/// What the run did and cost, in one or two sentences.
std::string lead_sentence(const Results& results);

/// Where each part of the energy comes from, in words, or why it is not known.
std::string confidence_sentence(const Results& results);

/// Why there is no power to draw.
std::string power_absent_reason(const Results& results);

}  // namespace aieb
