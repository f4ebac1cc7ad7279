#pragma once

#include <initializer_list>

#include "core/json.h"

namespace aieb {

/// The value at a path of keys; null where one of them is absent.
inline Json json_at(const Json& json, std::initializer_list<const char*> keys) {
  const Json* at = &json;
  for (const char* key : keys) {
    if (!at->is_object()) return nullptr;
    const auto found = at->find(key);
    if (found == at->end()) return nullptr;
    at = &*found;
  }
  return *at;
}

/// `json` as a document of a file: indented, with what is not UTF-8 replaced.
inline std::string json_document(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace aieb
