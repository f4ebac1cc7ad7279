#pragma once

#include <string>
#include <vector>

#include "meters/meter.h"

namespace aieb::test {

inline std::vector<Sample> read(Meter& meter) {
  std::vector<Sample> samples;
  meter.read(samples);
  return samples;
}

inline std::vector<std::string> names(const Discovery& discovery) {
  std::vector<std::string> result;
  for (const Domain& domain : discovery.domains) result.push_back(domain.name);
  return result;
}

inline std::vector<std::string> kinds(Meter& meter) {
  std::vector<std::string> result;
  for (const TraceEvent& event : meter.take_events()) result.push_back(event.kind);
  return result;
}

/// Data of the first event of a kind; null without one.
inline Json data_of(Meter& meter, const std::string& kind) {
  for (const TraceEvent& event : meter.take_events()) {
    if (event.kind == kind) return event.data;
  }
  return nullptr;
}

}  // namespace aieb::test
