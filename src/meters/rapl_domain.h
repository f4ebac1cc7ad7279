#pragma once

#include <cstdint>
#include <string>

#include "core/events.h"

namespace aieb {

/// More than any CPU socket, memory bank or board of one draws (the largest TDP is 500 W).
constexpr double kMostSocketPower = 2000;

/// What a RAPL register measures. docs/meters.md says where the uncertainties (k = 2) come from.
struct RaplQuantity {
  const char* zone;   ///< how powercap's name of it begins
  const char* event;  ///< the kernel's perf event of it
  Component component;
  double gain_uncertainty;
  const char* note;
};
constexpr RaplQuantity kRaplQuantities[] = {
    {"package", "energy-pkg", Component::kCpu, 0.05, ""},
    {"dram", "energy-ram", Component::kDram, 0.20, ""},
    {"psys", "energy-psys", Component::kNode, 0.20,
     "platform power as this board's maker wired it: a cross-check, not part of the total"},
};

/// The domain of a register, whichever way it is read: joules, new every millisecond, with the
/// largest step that a CPU is known to have.
Domain rapl_domain(const RaplQuantity& quantity, const std::string& meter, const std::string& name,
                   int index);

}  // namespace aieb
