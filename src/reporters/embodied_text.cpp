#include "reporters/embodied_text.h"

#include <cmath>
#include <vector>

#include "reporters/text_format.h"

namespace aieb {
namespace {

std::string devices_text(const EmbodiedItem& item) {
  if (!item.devices) return "unknown number of";
  const double devices = *item.devices;
  return devices == std::floor(devices) ? count_text(static_cast<int64_t>(devices))
                                        : number_text(devices);
}

}  // namespace

std::string embodied_text(const EmbodiedPart& part) {
  const EmbodiedItem& item = part.item;
  return devices_text(item) + " × " + item.component + " at " + number_text(item.g_per_hour) +
         " g/h (" + item.source + (item.uncertainty_percent ? ")" : "; no uncertainty stated)");
}

std::string embodied_text(const Results& results) {
  std::vector<std::string> texts;
  for (const EmbodiedPart& part : results.embodied_parts) texts.push_back(embodied_text(part));
  return joined(texts, "; ");
}

}  // namespace aieb
