#pragma once

#include <initializer_list>
#include <string>
#include <utility>

#include "core/error.h"
#include "core/json.h"

namespace aieb::engine {

/// config.json with the rules that Hugging Face reads it by: null means absent, a key may have
/// several spellings, and the text part of a multimodal model lies under "text_config".
class ConfigReader {
 public:
  /// `where` is named in messages.
  ConfigReader(const Json& config, std::string where);

  /// The first of `keys` that is present, else `fallback`. Throws ModelError for a wrong type.
  template <typename T>
  [[nodiscard]] T get(std::initializer_list<const char*> keys, T fallback) const {
    for (const char* key : keys) {
      const Json* value = find(key);
      if (value == nullptr) continue;
      try {
        return value->get<T>();
      } catch (const Json::exception& error) {
        fail(key, error.what());
      }
    }
    return fallback;
  }
  template <typename T>
  [[nodiscard]] T get(const char* key, T fallback) const {
    return get<T>({key}, std::move(fallback));
  }

  /// Sizes of the network: no default would be right. Throws ModelError when absent.
  [[nodiscard]] int64_t size(std::initializer_list<const char*> keys) const;

  /// Null when the key is absent or null.
  [[nodiscard]] const Json* find(const char* key) const;
  [[nodiscard]] bool has(const char* key) const { return find(key) != nullptr; }

  [[noreturn]] void fail(const std::string& key, const std::string& what) const;

 private:
  Json config_;
  std::string where_;
};

}  // namespace aieb::engine
