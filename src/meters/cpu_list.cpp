#include "meters/cpu_list.h"

#include <charconv>

namespace aieb {

std::vector<int> cpu_list(const std::string& text) {
  std::vector<int> cpus;
  const char* at = text.data();
  const char* end = at + text.size();
  while (at < end) {
    int first = 0;
    const auto parsed = std::from_chars(at, end, first);
    if (parsed.ec != std::errc()) break;
    at = parsed.ptr;
    int last = first;
    if (at < end && *at == '-') {
      const auto range = std::from_chars(at + 1, end, last);
      if (range.ec != std::errc()) break;
      at = range.ptr;
    }
    for (int cpu = first; cpu <= last; ++cpu) cpus.push_back(cpu);
    if (at < end && *at == ',') ++at;
  }
  return cpus;
}

}  // namespace aieb
