#include "runner/client_clock.h"

#include "core/client_load.h"
#include "core/clock.h"
#include "core/cpu_time.h"
#include "meters/estimates.h"

namespace aieb {

ClientClock::ClientClock(EventSink& sink)
    : sink_(sink), start_ns_(now_ns()), process_s_(process_cpu_s()), thread_s_(thread_cpu_s()) {}

ClientClock::~ClientClock() {
  const int64_t end_ns = now_ns();
  const double cpu_s = process_cpu_s() - process_s_;
  const double sending_cpu_s = thread_cpu_s() - thread_s_;
  const ThreadPower power = thread_power("/proc");
  sink_.event({end_ns, kClientEvent,
               Json{{"wall_s", seconds(end_ns - start_ns_)},
                    {"cpu_s", cpu_s},
                    {"sending_cpu_s", sending_cpu_s},
                    {"thread_w", power.watts},
                    {"thread_w_uncertainty", power.uncertainty},
                    {"thread_w_basis", power.basis}}});
}

}  // namespace aieb
