#include "trace/token_times.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <stdexcept>

namespace aieb {
namespace {

void append_varint(std::string& out, uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

uint64_t take_varint(std::string_view& in) {
  uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (in.empty()) throw std::invalid_argument("token times end in the middle of a number");
    const auto byte = static_cast<unsigned char>(in.front());
    in.remove_prefix(1);
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return value;
  }
  throw std::invalid_argument("token times hold a number of more than 64 bits");
}

}  // namespace

std::string pack_token_times(std::vector<TokenArrival> arrivals) {
  const auto earlier = [](const TokenArrival& a, const TokenArrival& b) { return a.t_ns < b.t_ns; };
  if (!std::is_sorted(arrivals.begin(), arrivals.end(), earlier)) {
    std::stable_sort(arrivals.begin(), arrivals.end(), earlier);
  }
  std::string out;
  out.reserve(arrivals.size() * 5);
  int64_t before = 0;
  for (const TokenArrival& arrival : arrivals) {
    const uint64_t several = arrival.count == 1 ? 0 : 1;
    append_varint(out, (static_cast<uint64_t>(arrival.t_ns - before) << 1) | several);
    if (several != 0) append_varint(out, static_cast<uint64_t>(arrival.count));
    before = arrival.t_ns;
  }
  return out;
}

std::vector<TokenArrival> unpack_token_times(std::string_view packed) {
  std::vector<TokenArrival> arrivals;
  arrivals.reserve(packed.size() / 4);
  int64_t t = 0;
  while (!packed.empty()) {
    const uint64_t head = take_varint(packed);
    t += static_cast<int64_t>(head >> 1);
    uint64_t count = 1;
    if ((head & 1) != 0) count = take_varint(packed);
    if (count > static_cast<uint64_t>(std::numeric_limits<int>::max())) {
      throw std::invalid_argument("token times hold an impossible token count");
    }
    arrivals.push_back({t, static_cast<int>(count)});
  }
  return arrivals;
}

}  // namespace aieb
