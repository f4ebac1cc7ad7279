#pragma once

#include <string>

#include "core/json.h"
#include "core/results.h"

namespace aieb {

/// One self-contained page: style, script, drawings and data in a single file that asks nothing of
/// the network (its content security policy forbids it). Docs: docs/reports.md.
std::string html_report(const Results& results);

/// A page around `data`, which `script` (a name that report pages know: "run" or "compare") draws.
/// Every text of `data` reaches the page as text, never as markup.
std::string html_page(const std::string& title, const char* kind, const Json& data);

}  // namespace aieb
