#pragma once

#include <string>
#include <string_view>

#include <aieb_bridge.h>

namespace aieb::bridge {

/// Borrows; valid as long as `text` is.
inline aieb_view view(std::string_view text) { return {text.data(), text.size()}; }

/// Copies the text and frees the original.
std::string take(aieb_text text);

/// The message of a failed call (freed), empty when it succeeded.
std::string take_error(aieb_text error);

}  // namespace aieb::bridge
