#include "reporters/interval_text.h"

#include <algorithm>

#include "core/quantity.h"
#include "reporters/html_text.h"

namespace aieb {

std::string interval_text(const MetricInterval& interval) {
  Quantity q = Quantity::missing(interval.unit, "");
  q.value = interval.mean;
  q.random = interval.half_width;
  q.systematic = interval.systematic;
  if (q.unit == "s" && interval.mean < 1) return to_text(q.scaled(1e3, "ms"));
  if (interval.key == "total_energy_j" || interval.key == "gpu_energy_j") {
    q = q.scaled(1 / kJoulesPerWh, "Wh");
  }
  return readable_text(q);
}

std::string interval_basis(const MetricInterval& interval) {
  const std::string count = std::to_string(interval.count);
  return interval.method == "repeats" ? count + " repeats" : count + " batches of its requests";
}

std::string flag_kinds(const RepeatResult& repeat) {
  std::string out;
  for (size_t i = 0; i < repeat.flags.size(); ++i) {
    const std::string& kind = repeat.flags[i].kind;
    const auto end = repeat.flags.begin() + static_cast<std::ptrdiff_t>(i);
    if (std::find_if(repeat.flags.begin(), end,
                     [&](const RepeatFlag& f) { return f.kind == kind; }) != end) {
      continue;
    }
    out += (out.empty() ? "" : ", ") + kind;
  }
  return out;
}

int64_t flagged_repeats(const Results& results) {
  return std::ranges::count_if(results.repeats,
                               [](const RepeatResult& r) { return !r.flags.empty(); });
}

}  // namespace aieb
