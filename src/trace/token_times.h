#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/events.h"

namespace aieb {

/// The arrival times of one request as bytes, for the column token_times.packed.
///
/// A sequence of LEB128 varints. Each arrival is `2·Δt + m`, where Δt is the time in ns since the
/// arrival before (the first one: since 0 of CLOCK_MONOTONIC) and m is 0 for a single token;
/// m = 1 means that the number of tokens follows as a second varint. Gaps below 134 ms take 4
/// bytes. Arrivals are stored in time order.
std::string pack_token_times(std::vector<TokenArrival> arrivals);

/// Inverse of `pack_token_times`. Throws std::invalid_argument for bytes that it did not write.
std::vector<TokenArrival> unpack_token_times(std::string_view packed);

}  // namespace aieb
