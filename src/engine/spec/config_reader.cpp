#include "engine/spec/config_reader.h"

namespace aieb::engine {

ConfigReader::ConfigReader(const Json& config, std::string where)
    : config_(config), where_(std::move(where)) {
  const auto text = config.find("text_config");
  if (text == config.end() || !text->is_object()) return;
  config_ = *text;
  for (const auto& [key, value] : config.items()) {
    if (key != "text_config" && !config_.contains(key)) config_[key] = value;
  }
}

const Json* ConfigReader::find(const char* key) const {
  const auto found = config_.find(key);
  return found == config_.end() || found->is_null() ? nullptr : &*found;
}

int64_t ConfigReader::size(std::initializer_list<const char*> keys) const {
  const auto value = get<int64_t>(keys, 0);
  if (value <= 0) fail(*keys.begin(), "a positive number is needed");
  return value;
}

void ConfigReader::fail(const std::string& key, const std::string& what) const {
  throw ModelError(where_ + ": config key '" + key + "': " + what +
                   "; the model's config.json is damaged or of an unknown kind");
}

}  // namespace aieb::engine
