#pragma once

#include <cstdint>

#include "core/events.h"

namespace aieb {

/// Records what a server's client itself uses from its construction to its end: an event of kind
/// kClientEvent with the CPU time of the process and of the constructing thread, which must be the
/// one that ends it, and the power of a busy thread of this machine, from which the client's energy
/// is estimated.
class ClientClock {
 public:
  explicit ClientClock(EventSink& sink);
  ~ClientClock();
  ClientClock(const ClientClock&) = delete;
  ClientClock& operator=(const ClientClock&) = delete;

 private:
  EventSink& sink_;
  int64_t start_ns_;
  double process_s_;
  double thread_s_;
};

}  // namespace aieb
