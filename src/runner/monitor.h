#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "config/config.h"
#include "core/carbon_factor.h"
#include "core/events.h"
#include "core/results.h"
#include "runner/live_energy.h"
#include "runner/run_carbon.h"

namespace aieb {

class Metering;
class TraceRecorder;

/// How a command ended: by `signal`, or (signal 0) with `code`.
struct CommandExit {
  int code = 0;
  int signal = 0;
};

struct MonitorOptions {
  std::string trace_path;            ///< a new file; empty: nothing is recorded
  std::string run_id;                ///< in the trace; empty: a new one
  std::vector<std::string> command;  ///< what is measured, for the reports; empty: this machine
  /// Keep readings for `read`, which must then be called now and then; false needs a trace.
  bool live = true;
};

/// What this machine uses while something runs, without requests: behind `aieb monitor` and the
/// Python `EnergyMonitor`. All GPUs of the machine count. Phases are the caller's: between `begin`
/// and `end` of `measure` is what a result holds, `idle` gives its baseline.
class Monitor {
 public:
  /// Resolves the location (throws ConfigError, and what RunCarbon throws) and creates the trace;
  /// measures nothing yet.
  Monitor(BenchmarkConfig config, MonitorOptions options);
  ~Monitor();
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;

  /// Finds the sensors and starts reading them.
  void start();

  void begin(PhaseKind kind);
  void end();

  /// Energy since the last phase began, and power now. Requires `live`.
  LiveReading read();

  /// Power now: gpu + cpu + dram as far as known.
  [[nodiscard]] std::optional<double> power_w() const;

  /// Ends the readings and closes the trace. Throws EnvironmentError when anything was lost.
  void stop(std::optional<CommandExit> exit = std::nullopt);

  /// The analysed recording, after `stop`. Requires a trace.
  [[nodiscard]] Results results() const;

  [[nodiscard]] const CarbonFactor& carbon() const { return carbon_.factor(); }
  /// The trace's `missing`: [{component, meter, reason, fix}].
  [[nodiscard]] Json missing() const;

 private:
  void describe();

  BenchmarkConfig config_;
  MonitorOptions options_;
  RunCarbon carbon_;
  BackendInfo info_;
  std::unique_ptr<TraceRecorder> recorder_;
  std::unique_ptr<LiveEnergy> live_;  ///< null: not live
  EventSink* sink_ = nullptr;         ///< live_, else recorder_
  std::unique_ptr<Metering> metering_;
  Phase phase_;
};

}  // namespace aieb
