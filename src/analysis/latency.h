#pragma once

#include <optional>
#include <span>
#include <vector>

#include "core/events.h"
#include "core/results.h"

namespace aieb {

/// Latencies of one request; those whose times were not recorded are absent. Energy is not set.
/// Formulas: docs/metrics.md.
RequestResult latencies_of(RequestRecord record);

/// Inter-token latencies in seconds: the gap before each arrival after the first, divided by its
/// tokens and counted once a token (the first arrival has no gap of its own).
void append_token_gaps(std::span<const TokenArrival> arrivals, std::vector<double>& gaps);

/// Inter-chunk latencies in seconds: the gap before each arrival after the first, whatever number
/// of tokens it brought.
void append_chunk_gaps(std::span<const TokenArrival> arrivals, std::vector<double>& gaps);

/// The largest of the gaps of `append_token_gaps`; absent with fewer than two arrivals.
std::optional<double> largest_token_gap(std::span<const TokenArrival> arrivals);

/// Sets counts, token sums, latency distributions and throughput of `results` from its `requests`
/// and `measured_s`.
void summarize_requests(Results& results);

}  // namespace aieb
