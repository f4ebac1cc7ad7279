#pragma once

#include <string>
#include <string_view>

namespace aieb {

/// Without blanks (as isspace of the C locale) at both ends.
std::string_view trimmed(std::string_view text);

/// With the letters A to Z in lower case.
std::string lower_case(std::string_view text);

/// For a part of a URL: all but letters, digits, "-_.~" and the characters of `kept` as %XX of
/// their bytes (RFC 3986, section 2).
std::string percent_encoded(std::string_view text, std::string_view kept = {});

/// Text of others as a terminal may show it: control characters but those of `kept` are written as
/// \n, \r, \t or \xNN, so that none of them moves the cursor or hides what is shown.
std::string printable(std::string_view text, std::string_view kept = {});

}  // namespace aieb
