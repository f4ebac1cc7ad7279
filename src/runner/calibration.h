#pragma once

#include <stop_token>

#include "config/config.h"
#include "core/client_load.h"
#include "core/request.h"

namespace aieb {

/// The load at which the client measures itself.
struct CalibrationLoad {
  int concurrency = 1;                      ///< closed loop, when there is no rate
  std::optional<double> request_rate = {};  ///< open loop: Poisson arrivals, 1/s
  int tokens = 16;                          ///< most tokens of an answer
  double duration_s = 1.5;
};

/// What a run at this plan asks of the client: the largest concurrency of a closed loop; the rate
/// of the busiest second of an open loop; no more tokens than a request may have.
CalibrationLoad calibration_load(const BenchmarkConfig& config, const Workload& workload);

/// Whether `scenario.load.calibrate` wants a run of this configuration to be preceded by one.
bool wants_calibration(const BenchmarkConfig& config);

/// Runs the server client against the built-in mock server, in a thread of this process at a free
/// port of the loopback, and reports what it added to the mock's known times.
///
/// The mock's first token leaves 5 intervals after a request was read, further ones an interval
/// apart: 10 ms, or as much longer as keeps a closed loop below 100 000 tokens a second. An open
/// loop's answers are shortened to stay below that number, or to one token. Where the limit of open
/// files is too low for both ends of every connection, the concurrency is lowered to it, and what
/// is returned says so.
///
/// Takes about `duration_s` and the length of one answer. Throws EnvironmentError when no socket
/// can be opened. Blocks; the calling thread is the one that is measured.
Calibration calibrate(const CalibrationLoad& load, std::stop_token stop = {});

}  // namespace aieb
