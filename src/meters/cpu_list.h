#pragma once

#include <string>
#include <vector>

namespace aieb {

/// "0,28" or "0-1,4", as the kernel writes sets of CPUs, as numbers; what follows something else is
/// left out.
std::vector<int> cpu_list(const std::string& text);

}  // namespace aieb
