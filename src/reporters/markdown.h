#pragma once

#include <string>

#include "core/results.h"

namespace aieb {

/// Every metric that is known, as a Markdown table; then the warnings and what is missing and why.
std::string markdown_report(const Results& results);

}  // namespace aieb
