#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/json.h"
#include "runner/sweep_grid.h"
#include "runner/sweep_search.h"

namespace aieb {

/// One measured point, or one that failed.
struct SweepEntry {
  SweepSettings settings = {};
  std::string failure = {};      ///< why there is no result that counts; empty: measured
  int exit_code = 0;             ///< as `aieb run` would have ended
  std::string trace = {};        ///< absolute path in memory; empty: the run did not get so far
  std::optional<bool> met = {};  ///< of a search: whether the target was reached

  [[nodiscard]] bool measured() const { return failure.empty(); }
};

/// What a search looks for.
struct SweepSearch {
  SearchRange range;
  double target = 0.95;  ///< least fraction of good requests

  bool operator==(const SweepSearch&) const = default;
};

/// What a sweep is and how far it got: enough to go on after a crash.
struct SweepManifest {
  std::string name;
  Json config = Json::object();  ///< public configuration of the first point
  std::vector<SweepAxis> axes;   ///< of a grid
  std::optional<SweepSearch> search;
  std::vector<SweepEntry> entries;  ///< in the order in which they were measured

  /// Whether both measure the same points of the same configuration.
  [[nodiscard]] bool same_sweep(const SweepManifest& other) const;

  /// The entry of a grid's point; null pointer if there is none.
  [[nodiscard]] const SweepEntry* find(const SweepSettings& settings) const;

  /// Adds an entry; in a grid it replaces one of the same settings.
  void record(SweepEntry entry);

  /// What a search has learnt so far.
  [[nodiscard]] std::vector<SearchProbe> probes() const;
};

/// 8 hexadecimal digits that differ between sweeps that are not `same_sweep`, as far as 32 bits
/// can.
std::string sweep_fingerprint(const SweepManifest& manifest);

/// The document of docs/servers.md, "Sweeps". Traces become relative to `folder`, so that an output
/// folder can be moved as a whole.
Json to_json(const SweepManifest& manifest, const std::string& folder);

/// Inverse of to_json. Throws DataError for a document of another shape or version.
SweepManifest manifest_from_json(const Json& json, const std::string& folder);

}  // namespace aieb
