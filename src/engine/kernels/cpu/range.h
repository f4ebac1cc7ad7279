#pragma once

#include <algorithm>
#include <cstdint>

namespace aieb::engine::cpu {

/// Half-open interval of indices.
struct Range {
  std::int64_t begin = 0;
  std::int64_t end = 0;

  [[nodiscard]] std::int64_t size() const { return end - begin; }
  [[nodiscard]] bool empty() const { return end <= begin; }
};

/// Part `part` of `parts` of [0, n): consecutive, disjoint, covering; inner edges are multiples of
/// `granule`, sizes differ by at most one granule.
inline Range slice(std::int64_t n, std::int64_t part, std::int64_t parts,
                   std::int64_t granule = 1) {
  const std::int64_t granules = (n + granule - 1) / granule;
  return {std::min(n, granules * part / parts * granule),
          std::min(n, granules * (part + 1) / parts * granule)};
}

}  // namespace aieb::engine::cpu
