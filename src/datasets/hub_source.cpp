#include "datasets/hub_source.h"

#include <algorithm>
#include <cctype>

#include "core/error.h"

namespace aieb {

bool is_hub_id(const std::string& name) {
  const auto is_allowed = [](unsigned char c) {
    return std::isalnum(c) || c == '-' || c == '_' || c == '.' || c == '/';
  };
  return !name.empty() && std::isalnum(static_cast<unsigned char>(name.front())) &&
         std::isalnum(static_cast<unsigned char>(name.back())) &&
         std::all_of(name.begin(), name.end(), is_allowed) &&
         std::count(name.begin(), name.end(), '/') <= 1;
}

PromptColumn read_hub_dataset(const ScenarioConfig& scenario) {
  throw DataError("scenario.dataset_name '" + scenario.dataset_name +
                  "' is neither 'quickstart' nor a local file or folder, and datasets are not "
                  "downloaded from the Hugging Face hub yet. Download its files and name them "
                  "(dataset_name: path/to/file.jsonl), or use the bundled prompts "
                  "(dataset_name: quickstart)");
}

}  // namespace aieb
