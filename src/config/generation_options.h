#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "config/option.h"
#include "core/request.h"

namespace aieb {

using GenerationOption = Option<GenerationParams>;

/// The keys of `scenario.generate_kwargs` that every backend understands; others are kept in
/// GenerationParams::extra for servers.
std::span<const GenerationOption> generation_table();

/// The same rows without bindings, for the parser.
const std::vector<OptionFacts>& generation_members();

}  // namespace aieb
