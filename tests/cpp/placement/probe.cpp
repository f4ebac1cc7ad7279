// Plans placements for the Python tests: one JSON object a line in, one out.
//
// {"model": {"name", "whole", "tensors": [[name, bytes, is_buffer]], "children": […]},
//  "tied": [[names]], "strategy": "auto", "quantized": false,
//  "max_memory": {…} | null, "free": {"gpus": {"0": bytes}, "cpu": bytes}}
// → {"places": {…}, "bytes": {…}} or {"error": text}
#include <iostream>
#include <string>

#include "core/error.h"
#include "engine/placement/planner.h"

namespace aieb::engine {
namespace {

ModelPart part_from(const Json& json) {
  ModelPart part{json["name"], json["whole"], {}, {}};
  for (const Json& tensor : json["tensors"]) {
    part.tensors.push_back({tensor[0], tensor[1], tensor[2]});
  }
  for (const Json& child : json["children"]) part.children.push_back(part_from(child));
  return part;
}

Spread spread_from(const std::string& strategy) {
  if (strategy == "sequential") return Spread::kSequential;
  return strategy == "balanced_low_0" ? Spread::kBalancedLow0 : Spread::kBalanced;
}

PlaceLimits limits_from(const Json& task) {
  if (!task["max_memory"].is_null()) return user_limits(task["max_memory"]);
  std::map<int, int64_t> gpus;
  for (const auto& [index, bytes] : task["free"]["gpus"].items()) gpus[std::stoi(index)] = bytes;
  return free_limits(gpus, task["free"]["cpu"]);
}

Json answer(const Json& task) {
  const ModelPart model = part_from(task["model"]);
  const Placement placement = plan_placement({.model = model,
                                              .tied = task["tied"],
                                              .limits = limits_from(task),
                                              .limits_from_user = !task["max_memory"].is_null(),
                                              .spread = spread_from(task["strategy"]),
                                              .quantized = task["quantized"]});
  return {{"places", placement.places}, {"bytes", placement.bytes}};
}

}  // namespace
}  // namespace aieb::engine

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    aieb::Json out;
    try {
      out = aieb::engine::answer(aieb::Json::parse(line));
    } catch (const aieb::Error& error) {
      out = {{"error", error.what()}};
    }
    std::cout << out.dump() << std::endl;
  }
}
