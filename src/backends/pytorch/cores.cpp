#include "backends/pytorch/cores.h"

#include <algorithm>
#include <fstream>
#include <set>
#include <string>

#include <sched.h>

namespace aieb {

int physical_cores() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return 1;
  std::set<std::string> cores;  // a core is known by the list of its threads
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    const std::string number = std::to_string(cpu);
    std::ifstream siblings("/sys/devices/system/cpu/cpu" + number +
                           "/topology/thread_siblings_list");
    std::string list;
    cores.insert(std::getline(siblings, list) ? list : number);
  }
  return std::max<int>(1, static_cast<int>(cores.size()));
}

}  // namespace aieb
