#pragma once

#include <string>

#include "core/json.h"
#include "engine/spec/model_spec.h"

namespace aieb::engine {

/// The specification of a model from its config.json. Throws ModelError for a model type that is
/// not supported, naming it and the supported ones. `where` is named in messages.
ModelSpec read_spec(const Json& config, const std::string& where);

/// "llama, mistral, …", for messages and `aieb list`.
std::string supported_model_types();

}  // namespace aieb::engine
