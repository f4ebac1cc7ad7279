#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "meters/event_log.h"
#include "meters/meter.h"

namespace aieb {

/// A domain of meter "estimate", in watts. `why`: what keeps it from being measured; may be empty.
Domain estimate_domain(Component component, const std::string& name, double gain_uncertainty,
                       const std::string& model, const std::string& why);

/// CPU power from its load, for machines whose energy counters cannot be read:
/// P = TDP · (0.1 + 0.9 · load³), CodeCarbon's model, with the load of /proc/stat between two
/// reads. Domain "cpu" of meter "estimate", in watts.
///
/// TDP: of the CPU's model times the sockets; unknown model: 4 W a thread; unknown CPU: 85 W. In a
/// virtual machine no more than 4 W a thread, because the package is shared with others.
class CpuEstimateMeter : public Meter {
 public:
  /// `why`: what keeps the CPU from being measured; goes into the domain's note.
  CpuEstimateMeter(std::string proc_root, const std::string& why);

  [[nodiscard]] std::string name() const override { return "estimate"; }
  Discovery discover() override { return discovery_; }
  [[nodiscard]] int64_t period_ns() const override { return 250'000'000; }
  void read(std::vector<Sample>& out) override;
  std::vector<TraceEvent> take_events() override { return log_.take(); }

  [[nodiscard]] double tdp_w() const { return tdp_w_; }

 private:
  struct Ticks {
    uint64_t busy = 0;
    uint64_t total = 0;
  };
  [[nodiscard]] std::optional<Ticks> read_ticks() const;

  std::string proc_root_;
  double tdp_w_ = 0;
  Discovery discovery_;
  std::optional<Ticks> last_;
  int64_t last_ns_ = 0;
  std::optional<double> watts_;
  EventLog log_;
};

/// Power of one busy hardware thread of this machine, for the energy of a single process: the TDP
/// of the model above ÷ the threads, what CodeCarbon's process mode takes as well.
struct ThreadPower {
  double watts = 0;
  double uncertainty = 0;  ///< relative, k = 2
  std::string basis;       ///< where the TDP comes from
};
ThreadPower thread_power(const std::string& proc_root);

/// Memory power from its size, CodeCarbon's model: a guessed number of DIMMs at 5 W each (ARM:
/// 1.5 W). Domain "ram" of meter "estimate", constant, in watts.
class RamEstimateMeter : public Meter {
 public:
  RamEstimateMeter(const std::string& proc_root, const std::string& why);

  [[nodiscard]] std::string name() const override { return "estimate"; }
  Discovery discover() override { return discovery_; }
  [[nodiscard]] int64_t period_ns() const override { return 1'000'000'000; }
  void read(std::vector<Sample>& out) override;

 private:
  Discovery discovery_;
  double watts_ = 0;
};

/// The model behind RamEstimateMeter. `bytes` is the machine's memory.
double ram_power_w(double bytes, bool arm);

}  // namespace aieb
