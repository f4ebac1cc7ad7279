#include "core/cpu_time.h"

#include <ctime>

namespace aieb {
namespace {

double read_clock(clockid_t id) {
  timespec t{};
  clock_gettime(id, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

}  // namespace

double thread_cpu_s() { return read_clock(CLOCK_THREAD_CPUTIME_ID); }
double process_cpu_s() { return read_clock(CLOCK_PROCESS_CPUTIME_ID); }

}  // namespace aieb
