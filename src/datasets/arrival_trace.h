#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace aieb {

/// One request of a recorded trace.
struct TracedRequest {
  int64_t offset_ns = 0;  ///< after the first request of the trace
  int64_t input_tokens = 0;
  int64_t output_tokens = 0;
  std::vector<int64_t> prefix_blocks;  ///< ids of its blocks of `block_tokens` input tokens:
                                       ///< requests with the same first ids share that beginning
};

struct ArrivalTrace {
  std::string format;                   ///< azure, burstgpt or mooncake
  std::vector<TracedRequest> requests;  ///< in order of time
  int64_t left_out = 0;                 ///< rows without input or output tokens
};

/// Tokens of one block of a Mooncake trace.
inline constexpr int64_t kBlockTokens = 512;

/// Reads a trace of arrivals from .csv or .jsonl (told by the content). The columns tell the
/// format:
///
///   azure     TIMESTAMP (date and time), ContextTokens, GeneratedTokens
///   burstgpt  Timestamp (s), Request tokens, Response tokens
///   mooncake  timestamp (ms), input_length, output_length, hash_ids
///
/// Throws DataError with file and line.
ArrivalTrace read_arrival_trace(const std::string& path);

}  // namespace aieb
