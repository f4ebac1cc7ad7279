#pragma once

#include <string>

#include "exporters/source_spec.h"

namespace aieb::exporters {

/// What to change where a source does not answer, offers nothing of use, or brings new values too
/// seldom: settings of that exporter, in words that follow "…: ".
std::string how_to_reach(const SourceSpec& spec);
std::string what_to_offer(const SourceSpec& spec);
std::string how_to_refine(const SourceSpec& spec);

/// The lines that add a source for the server on `host`, for the user's configuration.
std::string source_lines(const std::string& host);

}  // namespace aieb::exporters
