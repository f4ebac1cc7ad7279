#include "analysis/client_load.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace aieb {
namespace {

/// Above this share of its time a thread has no reserve for bursts.
constexpr double kBusy = 0.8;
/// What the client adds to the mean TTFT, of the median TTFT.
constexpr double kTtftShare = 0.05;
/// The spread that the client adds, of the mean interval and of the spread that was measured.
constexpr double kItlShareOfMean = 0.1;
constexpr double kItlShareOfSpread = 0.5;
/// Send lag that matters: of the median latency, and at all.
constexpr double kLagShare = 0.05;
constexpr double kLeastLag_s = 0.001;

using Limits = std::vector<std::string>;

std::string milliseconds(double s) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.3g ms", s * 1e3);
  return text.data();
}

std::string percent(double share) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.0f %%", share * 100);
  return text.data();
}

void check_busy(const ClientLoad& load, Limits& out) {
  if (load.sending_busy.value_or(0) < kBusy) return;
  out.push_back("the thread that sends and reads was busy " + percent(*load.sending_busy) +
                " of the time");
}

void check_lag(const Results& results, bool capped, Limits& out) {
  if (!results.send_lag_s || !results.e2e_s || capped) return;
  const double allowed_s = std::max(kLeastLag_s, kLagShare * results.e2e_s->p50);
  if (results.send_lag_s->p99 <= allowed_s) return;
  out.push_back("requests left up to " + milliseconds(results.send_lag_s->p99) +
                " (p99) after their time, at a median latency of " +
                milliseconds(results.e2e_s->p50));
}

void check_calibration(const Calibration& own, const Results& results, Limits& out) {
  if (own.lost > 0) {
    out.push_back(std::to_string(own.lost) + " of " + std::to_string(own.requests) +
                  " requests of the calibration were lost");
  }
  if (results.ttft_s && own.ttft_error_mean_s > kTtftShare * results.ttft_s->p50) {
    out.push_back("the client adds " + milliseconds(own.ttft_error_mean_s) +
                  " to a TTFT, whose median was measured as " + milliseconds(results.ttft_s->p50));
  }
  if (results.itl_s && own.itl_std_s && *own.itl_std_s > kItlShareOfMean * results.itl_s->mean &&
      *own.itl_std_s > kItlShareOfSpread * results.itl_s->std) {
    out.push_back("the client spreads token intervals by " + milliseconds(*own.itl_std_s) +
                  " (standard deviation), and " + milliseconds(results.itl_s->std) +
                  " were measured");
  }
}

/// A limit of requests in flight holds requests of an open loop back on purpose.
bool is_capped(const Results& results) {
  const Json scenario = results.config.value("scenario", Json::object());
  const Json load = scenario.is_object() ? scenario.value("load", Json::object()) : Json::object();
  const Json cap = load.is_object() ? load.value("concurrency", Json(1)) : Json(1);
  return cap.is_number() && cap.get<double>() > 1;
}

/// Of one measure phase: CPU time × the power of a busy thread.
Quantity estimated_energy(const Json& clocked) {
  Quantity energy;
  energy.value = clocked.at("cpu_s").get<double>() * clocked.at("thread_w").get<double>();
  energy.systematic = *energy.value * clocked.value("thread_w_uncertainty", 0.0);
  energy.unit = "J";
  energy.source = Source::kEstimated;
  energy.reason = "CPU time × TDP per thread (" + clocked.value("thread_w_basis", "") + ")";
  return energy;
}

bool while_measuring(const Trace& trace, int64_t t_ns) {
  return std::any_of(trace.phases.begin(), trace.phases.end(), [&](const Phase& phase) {
    return phase.kind == PhaseKind::kMeasure && phase.start_ns <= t_ns && t_ns <= phase.end_ns;
  });
}

/// Sum of a field over the passes that were measured; absent where no pass has it, as in traces of
/// older versions.
std::optional<int64_t> measured_sum(const Trace& trace, const char* field) {
  std::optional<int64_t> sum;
  for (const TraceEvent& event : trace.events) {
    if (event.kind != kConnectionsEvent || !while_measuring(trace, event.t_ns)) continue;
    if (event.data.contains(field)) sum = sum.value_or(0) + event.data[field].get<int64_t>();
  }
  return sum;
}

std::optional<double> share_stamped(const Trace& trace) {
  const auto reads = measured_sum(trace, "reads");
  const auto stamped = measured_sum(trace, "stamped");
  if (!reads || !stamped || *reads == 0) return std::nullopt;
  return static_cast<double>(*stamped) / static_cast<double>(*reads);
}

}  // namespace

std::optional<ClientLoad> client_load(const Trace& trace, const Results& results) {
  std::optional<ClientLoad> load;
  double wall_s = 0;
  double cpu_s = 0;
  double sending_cpu_s = 0;
  std::vector<Quantity> energies;
  for (const TraceEvent& event : trace.events) {
    if (event.kind == kCalibrationEvent) {
      if (!load) load.emplace();
      load->calibration = calibration_from(event.data);
    } else if (event.kind == kClientEvent) {
      if (!load) load.emplace();
      wall_s += event.data.value("wall_s", 0.0);
      cpu_s += event.data.value("cpu_s", 0.0);
      sending_cpu_s += event.data.value("sending_cpu_s", 0.0);
      if (event.data.contains("thread_w")) energies.push_back(estimated_energy(event.data));
    }
  }
  if (!load) return std::nullopt;
  load->connections_opened = measured_sum(trace, "opened");
  load->reads_stamped_by_kernel = share_stamped(trace);
  if (wall_s > 0) {
    load->cpu_cores = cpu_s / wall_s;
    load->sending_busy = sending_cpu_s / wall_s;
  }
  if (!energies.empty()) load->energy = sum_correlated(energies);
  check_busy(*load, load->limits);
  check_lag(results, is_capped(results), load->limits);
  if (load->calibration) check_calibration(*load->calibration, results, load->limits);
  return load;
}

}  // namespace aieb
