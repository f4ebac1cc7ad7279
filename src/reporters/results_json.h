#pragma once

#include <string>

#include "core/json.h"
#include "core/results.h"

namespace aieb {

/// Version of the document below: raised when a key is removed or changes its meaning.
constexpr int kResultsSchemaVersion = 1;

/// The results document of `--json` and of the Python package; docs/results.md lists every key.
/// Unknown is null.
Json results_to_json(const Results& results);

/// One entry of `per_prompt_results`.
Json prompt_json(const RequestResult& request);

/// Reads a results document back, for comparing and for writing other formats. Lossy only in what
/// the document does not hold: event times of requests, and the split of a request's uncertainty.
/// Throws DataError for another schema version or a document of another shape.
Results results_from_json(const Json& json);

/// The document as indented text with a final newline. Text that is not UTF-8 is repaired.
std::string json_report(const Results& results);

}  // namespace aieb
