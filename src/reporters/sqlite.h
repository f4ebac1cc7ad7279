#pragma once

#include <string>
#include <string_view>

#include "core/results.h"

namespace aieb {

/// A SQLite database with the tables runs, metrics (one row a metric) and per_prompt (one row a
/// prompt), as the bytes of its file. Docs: docs/reports.md.
std::string sqlite_report(const Results& results);

/// Adds the runs in `bytes`, a database made by sqlite_report, to the one at `path`, in one
/// transaction; a run that is there already is replaced. The file must exist.
/// Throws EnvironmentError when it cannot be written, or is no database of this kind.
void add_to_database(const std::string& path, std::string_view bytes);

/// Throws EnvironmentError when add_to_database would refuse the file at `path`; changes nothing.
void require_database(const std::string& path);

}  // namespace aieb
