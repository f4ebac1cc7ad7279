#pragma once

#include <string>

namespace aieb::testing {

/// Compares `text` with tests/approved/<name>; a difference fails the test and leaves the new text
/// in build/<preset>/received/<name>, from where tools/approve.sh takes it over.
void expect_approved(const std::string& name, const std::string& text);

}  // namespace aieb::testing
