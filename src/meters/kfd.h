#pragma once

#include <string>
#include <vector>

namespace aieb {

/// Processes that hold memory on an AMD GPU, as the kernel's compute driver lists them in
/// <sys_root>/class/kfd/kfd, ascending. In a container the ids are those of the host.
/// `pci_bus_id`: "0000:c1:00.0".
std::vector<unsigned> kfd_processes(const std::string& sys_root, const std::string& pci_bus_id);

}  // namespace aieb
