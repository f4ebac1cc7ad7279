#pragma once

#include <cstdint>
#include <stop_token>

#include "core/clock.h"
#include "core/events.h"
#include "core/stop.h"
#include "runner/metering.h"

namespace aieb {

/// What phases are recorded with.
struct PhaseLog {
  Metering& metering;
  EventSink& sink;
  std::stop_token stop;
  int64_t last_id = 0;
};

/// A phase from construction to destruction. It begins and ends on fresh sensor readings; since
/// these wait for the sensors' ticks, a measured phase may begin `pause_s` after its reading, so
/// that its beginning has no fixed place between two ticks.
class PhaseScope {
 public:
  PhaseScope(PhaseLog& log, PhaseKind kind, int repeat = 0, double pause_s = 0) : log_(log) {
    log_.metering.mark();
    if (pause_s > 0) sleep_unless_stopped(pause_s, log_.stop);
    phase_.id = ++log_.last_id;
    phase_.kind = kind;
    phase_.repeat = repeat;
    phase_.start_ns = now_ns();
    log_.sink.phase_begin(phase_);
  }
  ~PhaseScope() {
    phase_.end_ns = now_ns();
    log_.sink.phase_end(phase_);
    log_.metering.mark();
  }
  PhaseScope(const PhaseScope&) = delete;
  PhaseScope& operator=(const PhaseScope&) = delete;

  [[nodiscard]] double elapsed_s() const { return seconds(now_ns() - phase_.start_ns); }

 private:
  PhaseLog& log_;
  Phase phase_;
};

}  // namespace aieb
