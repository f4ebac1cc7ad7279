#pragma once

#include <string_view>

namespace aieb {

/// Position of the first byte that is not part of well-formed UTF-8 (RFC 3629: no overlong forms,
/// no surrogates, nothing above U+10FFFF); npos if all is well.
size_t first_invalid_utf8(std::string_view text);

}  // namespace aieb
