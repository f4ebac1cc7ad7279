#include "datasets/hub_source.h"

#include <algorithm>
#include <cctype>

#include "core/error.h"
#include "hub/dataset.h"

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

namespace {

DatasetFiles resolve(const ScenarioConfig& scenario) {
  try {
    return resolve_dataset(scenario.dataset_name, scenario.dataset_config, scenario.dataset_split,
                           scenario.dataset_revision);
  } catch (const EnvironmentError& error) {
    throw EnvironmentError("dataset '" + scenario.dataset_name + "': " + error.what() +
                           "\nThe bundled prompts need no network: dataset_name: quickstart");
  }
}

}  // namespace

PromptColumn read_hub_dataset(const ScenarioConfig& scenario) {
  const DatasetFiles files = resolve(scenario);
  PromptColumn column;
  for (const std::string& path : files.paths) {
    const SourceFormat* format = source_format_of(path);
    if (!format) throw DataError(path + ": a kind of file that cannot be read");
    column.append(read_source(path, *format, scenario.text_column_name));
  }
  return column;
}

}  // namespace aieb
