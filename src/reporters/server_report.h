#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/results.h"

namespace aieb {

/// The server's own view of a run for people: a label, a value, and what to know about it. Empty
/// where its metrics were not read.
struct ServerRow {
  std::string label;
  std::string value;
  std::string note;
};
std::vector<ServerRow> server_rows(const Results& results);

/// The same as data (docs/results.md, `server`); null where its metrics were not read.
Json server_to_json(const Results& results);
std::optional<ServerTruth> server_from_json(const Json& json);

}  // namespace aieb
