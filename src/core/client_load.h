#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/quantity.h"

namespace aieb {

/// What the load client added to latencies when it measured itself against a built-in server whose
/// times are known, at the load of the run. Definitions: docs/metrics.md.
struct Calibration {
  std::string mode;                    ///< "closed", or "poisson" for every open loop
  int64_t concurrency = 0;             ///< closed: requests in flight; open loop: 0
  std::optional<double> request_rate;  ///< open loop: planned, 1/s
  double measured_s = 0;
  int64_t requests = 0;
  int64_t lost = 0;  ///< of them not answered whole
  double requests_per_s = 0;
  double tokens_per_s = 0;       ///< that were read
  double ttft_error_mean_s = 0;  ///< measured TTFT − the built-in server's
  double ttft_error_p99_s = 0;
  std::optional<double> itl_s;           ///< the built-in server's; absent: one token a request
  std::optional<double> itl_std_s;       ///< standard deviation of what was measured of it
  std::optional<double> send_lag_p99_s;  ///< open loop
  double sending_busy = 0;               ///< CPU time ÷ time of the thread that sends and reads
  double server_late_mean_s = 0;         ///< how late the built-in server's own tokens left

  bool operator==(const Calibration&) const = default;
};

Json to_json(const Calibration& calibration);
/// Throws Json::exception for anything but what `to_json` makes.
Calibration calibration_from(const Json& json);

/// The client during the measured time.
struct ClientLoad {
  std::optional<double> cpu_cores;     ///< CPU time of the whole process ÷ time
  std::optional<double> sending_busy;  ///< the same of the thread that sends and reads
  /// In J, estimated: CPU time × the power of a busy thread of the client's machine. Beside the
  /// total, never in it: where client and server share a machine, the total has it already.
  Quantity energy = Quantity::missing("J", "not recorded");
  /// Connections opened in the measured phases; 0: all that were used were open before.
  std::optional<int64_t> connections_opened;
  /// Share of the reads of answers whose time is the kernel's stamp of their arrival; the rest have
  /// the time at which the client read them.
  std::optional<double> reads_stamped_by_kernel;
  std::optional<Calibration> calibration;
  std::vector<std::string> limits;  ///< why the run was limited by its client; empty: it was not
};

Json to_json(const ClientLoad& load);
ClientLoad client_load_from(const Json& json);

/// Kinds of trace events: a calibration as `to_json` makes it; {wall_s, cpu_s, sending_cpu_s,
/// thread_w, thread_w_uncertainty, thread_w_basis} of a measure phase.
constexpr const char* kCalibrationEvent = "calibration";
constexpr const char* kClientEvent = "client";
/// At the end of each pass over a workload: {opened, reads, stamped}, the connections that it
/// opened, its reads of answers, and how many of those have the kernel's time.
constexpr const char* kConnectionsEvent = "connections";

}  // namespace aieb
