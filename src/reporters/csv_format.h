#pragma once

#include <span>
#include <string>
#include <string_view>

#include "core/json.h"
#include "reporters/metric_table.h"

namespace aieb {

/// A cell as RFC 4180 wants it: quoted when it holds a comma, a quote or a line break. Null is an
/// empty cell, numbers are the shortest text that reads back equal.
std::string csv_cell(const Json& scalar);

/// The header line and the one row of `fields`, each ended by "\n".
std::string csv_table(std::span<const Field> fields);

}  // namespace aieb
