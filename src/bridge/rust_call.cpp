#include "bridge/rust_call.h"

namespace aieb::bridge {

std::string take(aieb_text text) {
  std::string copy;
  if (text.data != nullptr) copy.assign(text.data, text.size);
  aieb_text_free(text);
  return copy;
}

std::string take_error(aieb_text error) {
  if (error.data == nullptr) return {};
  std::string message = take(error);
  return message.empty() ? "unknown error" : message;
}

}  // namespace aieb::bridge
