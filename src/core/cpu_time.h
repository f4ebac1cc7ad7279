#pragma once

namespace aieb {

/// Seconds of CPU time that the calling thread, or all threads of the process, have used so far,
/// in user mode and in the kernel.
double thread_cpu_s();
double process_cpu_s();

}  // namespace aieb
