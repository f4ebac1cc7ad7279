#include "meters/pci.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "meters/sysfs.h"

namespace aieb {

bool pci_device_exists(const std::string& sys_root, std::string_view vendor,
                       const std::vector<std::string_view>& classes) {
  const std::string bus = sys_root + "/bus/pci/devices/";
  const std::vector<std::string> devices = list_directory(bus);
  return std::any_of(devices.begin(), devices.end(), [&](const std::string& id) {
    if (read_file(bus + id + "/vendor").text != vendor) return false;
    const std::string its_class = read_file(bus + id + "/class").text.value_or("");
    return std::any_of(classes.begin(), classes.end(),
                       [&](std::string_view prefix) { return its_class.rfind(prefix, 0) == 0; });
  });
}

std::string pci_address(unsigned domain, unsigned bus, unsigned device, unsigned function) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%04x:%02x:%02x.%x", domain, bus, device, function);
  return text.data();
}

}  // namespace aieb
