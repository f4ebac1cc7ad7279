#include "meters/kfd.h"

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "meters/pci.h"
#include "meters/sysfs.h"

namespace aieb {
namespace {

/// A node's properties are lines "name value"; location_id holds bus, device and function as PCI
/// does: bus << 8 | device << 3 | function.
std::string bus_id_of(const std::string& properties) {
  std::istringstream lines(properties);
  unsigned location = 0;
  unsigned domain = 0;
  std::string name;
  for (unsigned long value = 0; lines >> name >> value;) {
    if (name == "location_id") location = static_cast<unsigned>(value);
    if (name == "domain") domain = static_cast<unsigned>(value);
  }
  return pci_address(domain, location >> 8 & 0xff, location >> 3 & 0x1f, location & 0x7);
}

}  // namespace

std::vector<unsigned> kfd_processes(const std::string& sys_root, const std::string& pci_bus_id) {
  const std::string kfd = sys_root + "/class/kfd/kfd/";
  std::vector<std::string> memory_files;
  for (const std::string& node : list_directory(kfd + "topology/nodes")) {
    const std::string path = kfd + "topology/nodes/" + node;
    const std::string gpu_id = read_file(path + "/gpu_id").text.value_or("0");
    if (gpu_id == "0") continue;  // a CPU
    const FileText properties = read_file(path + "/properties");
    if (properties.text && bus_id_of(*properties.text) == pci_bus_id) {
      memory_files.push_back("/vram_" + gpu_id);
    }
  }
  std::vector<unsigned> pids;
  for (const std::string& pid : list_directory(kfd + "proc")) {
    const bool uses =
        std::any_of(memory_files.begin(), memory_files.end(), [&](const std::string& file) {
          return read_number(kfd + "proc/" + pid + file).value.value_or(0) > 0;
        });
    if (uses) pids.push_back(static_cast<unsigned>(std::strtoul(pid.c_str(), nullptr, 10)));
  }
  std::sort(pids.begin(), pids.end());
  return pids;
}

}  // namespace aieb
