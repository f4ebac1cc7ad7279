#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/events.h"

namespace aieb {

/// What a meter found on this machine.
struct Discovery {
  std::vector<Domain> domains;
  std::vector<MissingComponent> missing;
};

/// A source of power or energy readings. Not thread-safe; the sampler owns and calls it.
class Meter {
 public:
  virtual ~Meter() = default;

  [[nodiscard]] virtual std::string name() const = 0;

  /// Opens the sensors. Never throws: what cannot be read is listed as missing, with the fix.
  /// Domain ids in the result are 0 … n−1 in order; the sampler renumbers them. Later calls return
  /// the same and open nothing.
  virtual Discovery discover() = 0;

  /// How often `read` is worth calling, in ns.
  [[nodiscard]] virtual int64_t period_ns() const = 0;

  /// Appends one sample for every domain that can be read now, stamped with the time of reading;
  /// `domain_id` is the index in `discover().domains`. A failed read appends nothing.
  virtual void read(std::vector<Sample>& out) = 0;

  /// Hands over what was noticed since the last call: wraps and resets of counters, reads that
  /// failed, throttling, other processes on a GPU. docs/meters.md lists the kinds.
  virtual std::vector<TraceEvent> take_events() { return {}; }
};

}  // namespace aieb
