#include "analysis/gpu_stats.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <string_view>

#include "analysis/event_warnings.h"
#include "core/clock.h"

namespace aieb {
namespace {

/// Mean over time and maximum of a domain's values within windows.
struct StateSummary {
  double weighted = 0;
  double weight = 0;
  std::optional<double> max;

  [[nodiscard]] std::optional<double> mean() const {
    return weight > 0 ? std::optional(weighted / weight) : std::nullopt;
  }
};

StateSummary summarize(std::span<const Sample> samples, std::span<const TimeSpan> windows) {
  StateSummary out;
  for (size_t i = 0; i < samples.size(); ++i) {
    if (!std::isfinite(samples[i].value)) continue;
    const int64_t until = i + 1 < samples.size() ? samples[i + 1].t_ns : samples[i].t_ns + 1;
    for (const TimeSpan& window : windows) {
      const int64_t from = std::max(samples[i].t_ns, window.start_ns);
      const int64_t to = std::min(until, window.end_ns);
      if (from >= to) continue;
      out.weighted += samples[i].value * seconds(to - from);
      out.weight += seconds(to - from);
      out.max = std::max(out.max.value_or(samples[i].value), samples[i].value);
    }
  }
  return out;
}

std::string_view what_of(const Domain& domain) {
  const std::string_view name = domain.name;
  return name.substr(name.rfind('/') + 1);
}

using Field = std::optional<double> GpuStats::*;

/// One row a state: unit and name of the domain, and where its mean and maximum go.
struct StateRow {
  std::string_view unit;
  std::string_view what;  ///< empty: any
  Field mean;
  Field max;
  double factor = 1;
};
constexpr StateRow kStates[] = {
    {"W", "", &GpuStats::mean_power_w, &GpuStats::max_power_w},
    {"%", "utilization", &GpuStats::mean_utilization_percent, nullptr},
    {"B", "memory_used", nullptr, &GpuStats::max_memory_used_bytes},
    {"B", "memory_total", nullptr, &GpuStats::total_memory_bytes},
    {"degC", "temperature", &GpuStats::mean_temperature_c, &GpuStats::max_temperature_c},
    {"MHz", "sm_clock", &GpuStats::mean_sm_clock_mhz, nullptr},
    {"%", "memory_utilization", &GpuStats::mean_memory_utilization_percent, nullptr},
    {"degC", "memory_temperature", nullptr, &GpuStats::max_memory_temperature_c},
    {"MHz", "memory_clock", &GpuStats::mean_memory_clock_mhz, nullptr},
    {"mW", "memory_power", &GpuStats::mean_memory_power_w, nullptr, 1e-3},
    {"mW", "power_limit", nullptr, &GpuStats::power_limit_w, 1e-3},
};

void add_state(GpuStats& gpu, const Domain& domain, const StateSummary& summary) {
  for (const StateRow& row : kStates) {
    if (domain.unit != row.unit || (!row.what.empty() && what_of(domain) != row.what)) continue;
    const auto take = [&](Field field, const std::optional<double>& value) {
      if (field != nullptr && !(gpu.*field) && value) gpu.*field = *value * row.factor;
    };
    take(row.mean, summary.mean());
    take(row.max, summary.max);
  }
}

}  // namespace

std::vector<GpuStats> gpu_stats(const Trace& trace, const EnergySources& sources,
                                const WindowEnergy& measured, std::span<const TimeSpan> windows) {
  std::map<int, GpuStats> gpus;
  for (const Domain& domain : trace.domains) {
    if (domain.component != Component::kGpu) continue;
    GpuStats& gpu = gpus[domain.index];
    gpu.index = domain.index;
    const std::string& name = domain.note.empty() ? domain.name : domain.note;
    if (gpu.name.empty()) gpu.name = name;
    gpu.energy = Quantity::missing("J", "no energy sensor of this GPU");
    add_state(gpu, domain, summarize(samples_of(trace, domain.id), windows));
  }
  for (const DomainEnergy& domain : sources.chosen) {
    const auto energy = measured.domains.find(label_of(domain.domain));
    if (domain.domain.component != Component::kGpu || energy == measured.domains.end()) continue;
    GpuStats& gpu = gpus[domain.domain.index];
    gpu.energy = energy->second.gross;
    if (gpu.energy.known() && measured.duration_s > 0) {
      gpu.mean_power_w = *gpu.energy.value / measured.duration_s;
    }
  }
  for (const auto& [gpu, reasons] : listed_during(trace, "throttle", "reasons", windows)) {
    if (!gpus.contains(gpu)) continue;
    std::string& text = gpus[gpu].throttled_by;
    for (const std::string& reason : reasons) text += (text.empty() ? "" : ", ") + reason;
  }
  std::vector<GpuStats> out;
  for (auto& [index, gpu] : gpus) out.push_back(std::move(gpu));
  return out;
}

}  // namespace aieb
