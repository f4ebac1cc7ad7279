#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/results.h"
#include "core/server_truth.h"

namespace aieb {

/// The server's own view of a run; absent where its metrics were not read.
std::optional<ServerTruth> server_of(const Results& results);

/// The same for people: a label, a value, and what to know about it. Empty without it.
struct ServerRow {
  std::string label;
  std::string value;
  std::string note;
};
std::vector<ServerRow> server_rows(const Results& results);

/// The same as data, beside our own token counts (docs/results.md, `server`); null without it.
Json server_json(const Results& results);

}  // namespace aieb
