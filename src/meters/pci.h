#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace aieb {

/// How the class of a PCI device begins, as <sys_root>/bus/pci/devices/*/class shows it.
constexpr std::string_view kPciDisplay = "0x03";         ///< any kind of display controller
constexpr std::string_view kPciOtherDisplay = "0x0380";  ///< one that drives no display
constexpr std::string_view kPciAccelerator = "0x12";

/// True when the PCI bus lists a device of a vendor ("0x10de") whose class begins with one of
/// `classes`, whether or not a driver serves it.
bool pci_device_exists(const std::string& sys_root, std::string_view vendor,
                       const std::vector<std::string_view>& classes);

/// An address as sysfs writes it: "0000:c1:00.0".
std::string pci_address(unsigned domain, unsigned bus, unsigned device, unsigned function);

}  // namespace aieb
