#include "reporters/ai_energy_score.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "core/error.h"
#include "reporters/json_access.h"

namespace aieb {
namespace {

/// Of one repeat: the score is the mean of its runs.
double gpu_wh(const Results& r) {
  const auto repeats = static_cast<double>(std::max<size_t>(1, r.repeats.size()));
  const auto found = r.measure.components.find(Component::kGpu);
  if (found != r.measure.components.end() && found->second.gross.known()) {
    return *found->second.gross.value / kJoulesPerWh / repeats;
  }
  throw DataError(
      "AI Energy Score is about the energy of GPUs, and that of this run is not known. Run it on a "
      "machine with an NVIDIA GPU; aieb doctor says what can be measured.");
}

/// To 1 µWh: a short run is not to become 0.
double short_wh(double value) { return std::round(value * 1e6) / 1e6; }

}  // namespace

std::string ai_energy_score_report(const Results& r) {
  const double total = gpu_wh(r);
  const double all = r.preprocessing.value.value_or(0) + r.before_first_token.value.value_or(0) +
                     r.after_first_token.value.value_or(0);
  const bool divided = r.before_first_token.known() && r.after_first_token.known() && all > 0;
  const auto part = [&](const Quantity& energy) {
    return divided && energy.known() ? Json(short_wh(total * *energy.value / all)) : Json(nullptr);
  };
  return json_document({{"units", "Wh"},
                        {"total", short_wh(total)},
                        {"format", "ai_energy_benchmarks"},
                        {"preprocess_wh", part(r.preprocessing)},
                        {"prefill_wh", part(r.before_first_token)},
                        {"decode_wh", part(r.after_first_token)}});
}

std::string ai_energy_score_total(const Results& r) { return fmt::format("{:.2f}\n", gpu_wh(r)); }

}  // namespace aieb
