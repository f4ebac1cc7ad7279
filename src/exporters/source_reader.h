#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "exporters/clock_offset.h"
#include "exporters/page_fetcher.h"
#include "exporters/source_spec.h"

namespace aieb::exporters {

/// What an exporter's labels say of a device; empty where they say nothing.
struct Device {
  std::string key;   ///< tells the devices of one component of this exporter apart
  std::string gpu;   ///< index on its host
  std::string uuid;  ///< "GPU-…"
  std::string model;
  std::string host;
};

/// One value of one device, in the rule's unit, on our clock.
struct SourceReading {
  const Rule* rule = nullptr;
  Device device;
  int64_t t_ns = 0;
  double value = 0;
};

/// What one round of requests brought. An exporter may repeat a device (a GPU's values stand once
/// for every MIG instance, pod or container on it).
struct SourceReadings {
  std::vector<SourceReading> readings;  ///< of each device and metric in time order
  int64_t half_width_ns = 0;  ///< all times may be off by this much, all in the same direction
  int64_t offset_ns = 0;      ///< the other clock minus CLOCK_MONOTONIC here; 0: not needed
  std::string clock_from;     ///< what the bound comes from, in words
  bool clock_was_set = false;
};

/// Speaks the protocol of one source. For one thread.
class SourceReader {
 public:
  virtual ~SourceReader() = default;
  /// Throws SourceError.
  virtual SourceReadings read(PageFetcher& fetcher) = 0;
};

std::unique_ptr<SourceReader> make_reader(const SourceSpec& spec);

/// Whether a line has the labels that a rule asks for, and the device that its labels name.
/// Internal to the readers.
bool matches(const std::vector<Label>& where, const std::vector<Label>& labels);
Device device_of(const Rule& rule, const std::vector<Label>& labels);

std::unique_ptr<SourceReader> make_text_reader(const SourceSpec& spec);
std::unique_ptr<SourceReader> make_query_reader(const SourceSpec& spec);
std::unique_ptr<SourceReader> make_tensorrt_llm_reader();
std::unique_ptr<SourceReader> make_zeus_reader();

}  // namespace aieb::exporters
