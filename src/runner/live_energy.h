#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/events.h"
#include "core/json.h"
#include "core/quantity.h"

namespace aieb {

/// One device (or the total) as it stands now.
struct LiveDevice {
  std::string component;     ///< gpu, cpu, …, or "total"
  std::optional<int> index;  ///< absent for the total
  std::string name;          ///< of the sensor: "rapl/package-0"; empty for the total
  Quantity energy;           ///< J since monitoring began
  Quantity power;            ///< W: mean over the last window
};

/// What is known up to `t_ns`: the last moment that every sensor has been read past.
struct LiveReading {
  int64_t t_ns = 0;
  double elapsed_s = 0;             ///< since monitoring began
  double window_s = 0;              ///< length of the window of the powers; 0: nothing is known yet
  std::vector<LiveDevice> devices;  ///< by component, then index
  LiveDevice total;                 ///< gpu + cpu + dram
  std::map<std::string, std::string> missing;  ///< why, by component of the total
};

/// Energy while it is being used, in memory that does not grow: it keeps the readings of the last
/// seconds, integrates each new window with the rooms of analysis/ and adds it up. Over the windows
/// systematic parts add linearly and random ones in quadrature. (The error of an edge between two
/// windows is counted in both although it cancels: the interval is a little too wide, never too
/// narrow.) Forwards every event to `next`. Thread-safe.
class LiveEnergy : public EventSink {
 public:
  explicit LiveEnergy(EventSink* next = nullptr) : next_(next) {}

  /// Facts that decide which components are expected: the trace's `missing` and `backend_info`.
  void set_expected(const Json& missing, const Json& backend_info);

  /// Forgets what was added up; monitoring begins now.
  void begin(int64_t t_ns);

  /// Adds the energy up to the last moment known of all sensors, at most `now_ns`.
  LiveReading advance(int64_t now_ns);

  void request_started(const RequestRecord& record) override;
  void tokens_arrived(int count) override;
  void request_finished(RequestRecord record) override;
  void phase_begin(const Phase& phase) override;
  void phase_end(const Phase& phase) override;
  void domain(const Domain& domain) override;
  void samples(const std::vector<Sample>& samples) override;
  void event(TraceEvent event) override;

 private:
  struct Device {
    Quantity energy = Quantity::missing("J", "");
    LiveDevice now;
  };

  [[nodiscard]] int64_t known_until(int64_t now_ns) const;
  void add_window(int64_t from_ns, int64_t to_ns);
  void forget_before(int64_t t_ns);
  [[nodiscard]] LiveReading reading() const;

  EventSink* next_;
  mutable std::mutex mutex_;
  std::map<std::string, std::string> meta_;
  std::map<int, Domain> domains_;
  std::map<int, std::vector<Sample>> recent_;  ///< by domain, in time order
  std::vector<TraceEvent> events_;
  int64_t begin_ns_ = 0;
  int64_t until_ns_ = 0;
  double window_s_ = 0;
  std::map<std::pair<Component, int>, Device> devices_;
  Quantity total_energy_ = Quantity::missing("J", "");
  Quantity total_power_ = Quantity::missing("W", "no sensor has been read twice yet");
  std::map<std::string, std::string> missing_;
};

}  // namespace aieb
