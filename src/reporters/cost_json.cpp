#include "reporters/cost_json.h"

#include <array>

#include "reporters/energy_json.h"

namespace aieb {
namespace {

struct Part {
  const char* key;
  Quantity Cost::* member;
};
constexpr std::array kParts = {
    Part{"energy", &Cost::energy},
    Part{"gpu_time", &Cost::gpu_time},
    Part{"total", &Cost::total},
    Part{"per_1000_prompts", &Cost::per_1000_prompts},
};

}  // namespace

Json to_json(const Cost& cost) {
  Json out;
  for (const Part& part : kParts) out[part.key] = to_json(cost.*part.member);
  return out;
}

Cost cost_from(const Json& json) {
  Cost out;
  for (const Part& part : kParts) {
    const bool here = json.is_object() && json.contains(part.key);
    out.*part.member =
        here ? quantity_from(json[part.key]) : Quantity::missing("", "not in the file");
  }
  return out;
}

}  // namespace aieb
