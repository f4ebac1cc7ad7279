#include "core/scheduling.h"

#include <cstdint>

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace aieb {

namespace {

constexpr uint64_t kShortestSlice_ns = 100'000;  // what the kernel clamps a request to

/// The first version of what sched_setattr(2) takes. The kernel's own header defines it together
/// with names that the C library has as well, so that the two cannot be included together.
struct Attributes {
  uint32_t size;
  uint32_t policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime_ns;
  uint64_t deadline_ns;
  uint64_t period_ns;
};
static_assert(sizeof(Attributes) == 48);

/// Asks for a slice of the calling thread, 0 for the default one; policy and niceness stay.
/// sched_setattr(2), `sched_runtime` of a SCHED_OTHER thread; glibc has no function for it.
void request_slice(uint64_t slice_ns) noexcept {
  Attributes attributes{};
  if (::syscall(SYS_sched_getattr, 0, &attributes, sizeof(attributes), 0) != 0) return;
  if (attributes.policy != 0 /* SCHED_OTHER */) return;
  attributes.size = sizeof(attributes);
  attributes.runtime_ns = slice_ns;
  ::syscall(SYS_sched_setattr, 0, &attributes, 0);
}

}  // namespace

ShortSlices::ShortSlices() noexcept { request_slice(kShortestSlice_ns); }
ShortSlices::~ShortSlices() { request_slice(0); }

void yield_to_others() noexcept {
  constexpr int kTenthOfTheWeight = 10;
  const auto thread = static_cast<id_t>(::syscall(SYS_gettid));
  // Linux keeps niceness by thread, whatever PRIO_PROCESS says (setpriority(2)).
  if (::getpriority(PRIO_PROCESS, thread) >= kTenthOfTheWeight) return;
  ::setpriority(PRIO_PROCESS, thread, kTenthOfTheWeight);
}

}  // namespace aieb
