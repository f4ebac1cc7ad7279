#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "core/request.h"

namespace aieb {

/// Lays `requests`, with ids from 0, out over time as `scenario.load` says: open loop: as many as
/// the schedule holds, each with its planned_offset_ns; closed and sequential: as many as were
/// asked for. Where there are more than prompts, these are repeated in their order, each time round
/// with another cache salt. A closed loop that a duration ends is left to the backend to repeat
/// (LoadPlan::repeat). What the load counts and times are conversations; later turns follow by
/// themselves.
///
/// Sets the workload's requests and load. Ids are positions. Throws ConfigError.
void lay_out(const BenchmarkConfig& config, std::vector<Request> requests, Workload& workload);

/// The number of requests that a workload will have begun when nothing stops it; absent when that
/// depends on the server.
std::optional<int64_t> planned_requests(const Workload& workload);

/// Whether prompts that are asked again get a cache salt, so that a prefix cache does not answer.
bool salts_repeats(const BenchmarkConfig& config);

/// `how` prompts are repeated, and whether a prefix cache may answer the repeats.
std::string repeat_notice(const BenchmarkConfig& config, const std::string& how);

/// What the user should know of repeated prompts and of settings that the load mode does not use.
std::vector<std::string> load_notices(const BenchmarkConfig& config, const Workload& workload,
                                      int64_t prompts);

/// The load as the plan's description shows it.
Json describe_load(const BenchmarkConfig& config, const Workload& workload);

}  // namespace aieb
