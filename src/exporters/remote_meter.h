#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "exporters/source_reader.h"
#include "meters/energy_counter.h"
#include "meters/event_log.h"
#include "meters/meter.h"

namespace aieb::exporters {

/// Numbers the devices of a component over all sources, so that the domains of two hosts' GPUs 0
/// are not taken for one device.
class DeviceNumbers {
 public:
  int number_of(const std::string& source, Component component, const std::string& device);

 private:
  std::map<std::pair<Component, std::string>, int> numbers_;
  std::map<Component, int> next_;
};

/// One entry of `metrics.sources` as a meter. A thread of its own asks the exporter every
/// `period_s`; `read` only takes what has come, so that neither the sampler nor the workload ever
/// waits for the network.
class RemoteMeter : public Meter {
 public:
  /// `server_gpus`: UUIDs of the GPUs that the server computes on, as far as they are known: others
  /// are then left out, and an exporter without them is refused.
  RemoteMeter(SourceSpec spec, std::vector<std::string> server_gpus, DeviceNumbers& numbers);
  ~RemoteMeter() override;

  [[nodiscard]] std::string name() const override { return spec_.name; }
  /// Asks once and waits for the answer, at most 5 s.
  Discovery discover() override;
  [[nodiscard]] int64_t period_ns() const override { return 100'000'000; }
  void read(std::vector<Sample>& out) override;
  std::vector<TraceEvent> take_events() override;

  /// Waits until a value that is newer than `t_ns` has come, so that a window that ended then is
  /// not cut off: at most about one and a half update periods as seen so far, and 30 s.
  void wait_for_update(int64_t t_ns, const std::stop_token& stop);

  [[nodiscard]] const SourceSpec& spec() const { return spec_; }
  /// What was found, in words: "2 GPUs: 0 (NVIDIA H100, GPU-…), …".
  [[nodiscard]] const std::string& offer() const { return offer_; }

 private:
  using DeviceId = std::pair<Component, std::string>;

  /// One domain: a metric of a device.
  struct Series {
    const Rule* rule = nullptr;
    EnergyCounter counter;
    std::optional<double> last_value;
    int64_t last_t_ns = 0;
  };

  void try_first_read();
  void choose_gpus(const SourceReadings& found);
  void miss(Component component, const std::string& reason, const std::string& fix);
  void add_domains(const SourceReadings& found);
  void describe_offer(const SourceReadings& found);
  void run();
  void take(const SourceReadings& readings);
  void take_sample(const SourceReading& reading);
  void tell_clock(const SourceReadings& readings);
  [[nodiscard]] std::optional<int64_t> observed_update_ns() const;

  SourceSpec spec_;
  std::vector<std::string> server_gpus_;
  DeviceNumbers& numbers_;
  PageFetcher fetcher_;
  std::unique_ptr<SourceReader> reader_;
  std::optional<Discovery> discovery_;
  std::string offer_;
  std::map<std::pair<DeviceId, std::string>, size_t> domain_of_;  ///< device and "energy", …
  std::vector<std::string> left_out_;                             ///< keys of GPUs not selected

  // Shared with the thread.
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::vector<Series> series_;
  std::vector<Sample> pending_;
  EventLog log_;
  std::vector<TraceEvent> late_events_;  ///< with times of their own
  std::vector<int64_t> updates_ns_;      ///< when the page's energy or power was new, the last few
  int64_t told_half_width_ns_ = 0;
  int64_t half_sensor_period_ns_ = 0;  ///< of the slowest sensor behind the exporter
  std::jthread thread_;
};

/// Components whose energy a source can tell by itself, before it was asked.
std::vector<Component> components_of(const SourceSpec& spec);

}  // namespace aieb::exporters
