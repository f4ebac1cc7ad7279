#pragma once

#include <string>

#include "config/document.h"
#include "config/node.h"

namespace aieb {

/// Resolves a document's Hydra-like list `defaults:`. Entries are `group/name`, `group: name`, a
/// name beside the file, or `_self_` (where the document's own keys go; last if absent): later ones
/// win. A fragment is <folder of the file>/<entry>.yaml, .yml or .json; it holds either whole
/// sections (`backend: …`) or only the keys of the section that its group names.
/// Throws ConfigError for fragments that do not exist or include each other in circles.
void compose_defaults(Node& document, const std::string& path, const ReadContext& context);

}  // namespace aieb
