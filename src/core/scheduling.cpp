#include "core/scheduling.h"

#include <cstdint>

#include <linux/sched/types.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace aieb {

namespace {

constexpr uint64_t kShortestSlice_ns = 100'000;  // what the kernel clamps a request to

/// Asks for a slice of the calling thread, 0 for the default one; policy and niceness stay.
/// sched_setattr(2), `sched_runtime` of a SCHED_OTHER thread; glibc has no function for it.
void request_slice(uint64_t slice_ns) noexcept {
  sched_attr attributes{};
  if (::syscall(SYS_sched_getattr, 0, &attributes, sizeof(attributes), 0) != 0) return;
  if (attributes.sched_policy != 0 /* SCHED_OTHER */) return;
  attributes.size = sizeof(attributes);
  attributes.sched_runtime = slice_ns;
  ::syscall(SYS_sched_setattr, 0, &attributes, 0);
}

}  // namespace

ShortSlices::ShortSlices() noexcept { request_slice(kShortestSlice_ns); }
ShortSlices::~ShortSlices() { request_slice(0); }

void yield_to_others() noexcept {
  constexpr int kTenthOfTheWeight = 10;
  const auto thread = static_cast<id_t>(::syscall(SYS_gettid));
  // Linux keeps niceness by thread, whatever PRIO_PROCESS says (setpriority(2)).
  ::setpriority(PRIO_PROCESS, thread, kTenthOfTheWeight);
}

}  // namespace aieb
