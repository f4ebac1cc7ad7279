#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/quantity.h"

namespace aieb {

/// "1,240".
std::string count_text(int64_t count);

/// Three significant digits without an exponent: "92.3", "0.0412", "1,240".
std::string number_text(double value);

/// A duration in the unit that fits: "45.2 ms", "1.23 s", "2 min 05 s", "1 h 02 min".
std::string duration_text(double seconds);

/// to_text(quantity) in `unit`, for people.
std::string quantity_text(Quantity quantity, std::string_view unit);

/// The parts with `separator` between them.
std::string joined(const std::vector<std::string>& parts, std::string_view separator);

/// Number of columns that UTF-8 text takes on a terminal, counting every code point as one.
size_t display_width(std::string_view text);

/// `text` padded with blanks on the right to `width` columns.
std::string padded(std::string_view text, size_t width);

/// Breaks text at blanks into lines of at most `width` columns; a longer word stays whole.
std::vector<std::string> wrapped(std::string_view text, size_t width);

}  // namespace aieb
