#pragma once

#include <string_view>

namespace aieb {

/// How well a model's name fits a pattern of reasoning_formats.yaml: -1 if it does not, else the
/// number of letters that the pattern fixes. Case does not matter. A pattern without `*` fits names
/// that contain it; one with `*` (any text) must fit the whole name.
int pattern_fit(std::string_view pattern, std::string_view name);

bool equal_ignoring_case(std::string_view a, std::string_view b);

}  // namespace aieb
