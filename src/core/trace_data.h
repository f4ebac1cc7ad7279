#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

#include "core/events.h"
#include "core/json.h"

namespace aieb {

/// Keys of the trace's `meta` table. Values are text; those marked JSON hold a JSON document.
namespace meta {
constexpr const char* kSchemaVersion = "schema_version";
constexpr const char* kToolVersion = "tool_version";
constexpr const char* kRunId = "run_id";
constexpr const char* kName = "name";
constexpr const char* kHost = "host";
constexpr const char* kBootId = "boot_id";
constexpr const char* kConfig = "config";             ///< JSON: the configuration as resolved
constexpr const char* kEnvironment = "environment";   ///< JSON: hardware, driver, versions, engine
constexpr const char* kBackendInfo = "backend_info";  ///< JSON: what Backend::info() said
constexpr const char* kCarbon = "carbon";             ///< JSON: CarbonFactor
constexpr const char* kMissing = "missing";           ///< JSON: list of MissingComponent
constexpr const char* kCollected = "collected";       ///< JSON: {collector: what it measured}
constexpr const char* kProtocol = "protocol";         ///< JSON: config/protocol.h, resolved
constexpr const char* kPlan = "plan";                 ///< JSON: prompts, seed, dataset, batch size
constexpr const char* kFiles = "files";               ///< JSON: {label: path} of every file written

/// Those that hold JSON.
inline constexpr std::array kDocuments = {kConfig,    kEnvironment, kBackendInfo, kCarbon, kMissing,
                                          kCollected, kProtocol,    kPlan,        kFiles};
}  // namespace meta

/// A whole trace in memory: the only input of analysis. Vectors are in time (or id) order.
struct Trace {
  std::string path;  ///< of the file that it was read from; empty for one that is in memory only
  std::map<std::string, std::string> meta;
  std::vector<ClockPair> clock;
  std::vector<Phase> phases;
  std::vector<RequestRecord> requests;
  std::vector<Domain> domains;
  std::vector<Sample> samples;  ///< by domain, then time
  std::vector<TraceEvent> events;

  /// The JSON document under a meta key; null when the key is absent.
  [[nodiscard]] Json meta_json(const std::string& key) const {
    const auto it = meta.find(key);
    return it == meta.end() ? Json(nullptr) : Json::parse(it->second);
  }
};

}  // namespace aieb
