#pragma once

#include <string>

namespace aieb {

/// "<UTC time>-<name>-<6 hex>", the name made safe for a file: what a run is called for good.
std::string new_run_id(const std::string& name);

/// Where a run is recorded when nobody names a file: <output_dir>/runs/<run_id>.db.
std::string run_trace_path(const std::string& output_dir, const std::string& run_id);

}  // namespace aieb
