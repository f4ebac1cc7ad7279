#pragma once

#include <cstddef>
#include <cstdint>

#include "core/request.h"

namespace aieb::server {

/// How many requests of a workload may be in flight, over time.
class InFlightLimit {
 public:
  /// The load begins at `begin_ns`. `load` must outlive this.
  InFlightLimit(const LoadPlan& load, int64_t begin_ns) : load_(load), begin_ns_(begin_ns) {}

  /// At a time. Unlimited: the largest size_t.
  [[nodiscard]] size_t at(int64_t t_ns) const;

  /// The first time from `now_ns` on at which more than `in_flight` are allowed; http::kNever if
  /// there is none.
  [[nodiscard]] int64_t room_ns(size_t in_flight, int64_t now_ns) const;

 private:
  const LoadPlan& load_;
  int64_t begin_ns_;
};

}  // namespace aieb::server
