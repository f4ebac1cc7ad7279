#pragma once

#include "core/json.h"
#include "core/results.h"

namespace aieb {

/// What the page of one run shows, in the order in which it does: texts for people are made here,
/// the page's script only lays out and draws. Long answers are cut so that 10 000 prompts stay
/// below 2 MB.
Json html_data(const Results& results);

}  // namespace aieb
