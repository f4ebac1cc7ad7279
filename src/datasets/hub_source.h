#pragma once

#include <string>

#include "config/config.h"
#include "datasets/source.h"

namespace aieb {

/// Whether `name` could be a dataset of the Hugging Face hub: "org/name", or a bare name.
bool is_hub_id(const std::string& name);

/// The prompts of a hub dataset. Throws DataError if they cannot be had.
PromptColumn read_hub_dataset(const ScenarioConfig& scenario);

}  // namespace aieb
