#pragma once

#include <string>

namespace aieb {

/// The Python interpreter that runs transformers: `named` if it is not empty, $AIEB_PYTHON, that of
/// the first environment in which transformers is installed (core/paths.h has their order), that of
/// the active one, else python3.
std::string find_python(const std::string& named = "");

}  // namespace aieb
