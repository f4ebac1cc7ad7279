#pragma once

#include <string>

#include "core/results.h"

namespace aieb {

/// How one part of the embodied emissions came about: "8 × gpu at 4.68 g/h (Vendor's footprint)".
std::string embodied_text(const EmbodiedPart& part);

/// All parts, separated by `; `.
std::string embodied_text(const Results& results);

}  // namespace aieb
