#include "reporters/activity_json.h"

#include <array>
#include <optional>

namespace aieb {
namespace {

struct Field {
  const char* key;
  std::optional<double> HostActivity::* member;
};
constexpr std::array kFields = {
    Field{"network_received_bytes", &HostActivity::network_received_bytes},
    Field{"network_sent_bytes", &HostActivity::network_sent_bytes},
    Field{"disk_read_bytes", &HostActivity::disk_read_bytes},
    Field{"disk_written_bytes", &HostActivity::disk_written_bytes},
    Field{"memory_bytes", &HostActivity::memory_bytes},
    Field{"memory_read_bytes", &HostActivity::memory_read_bytes},
    Field{"memory_written_bytes", &HostActivity::memory_written_bytes},
};

Json to_json(const HostActivity& activity) {
  Json out;
  for (const Field& field : kFields) {
    const std::optional<double>& value = activity.*field.member;
    out[field.key] = value ? Json(*value) : Json(nullptr);
  }
  return out;
}

HostActivity activity_from(const Json& json) {
  HostActivity out;
  for (const Field& field : kFields) {
    const auto found = json.find(field.key);
    if (found != json.end() && found->is_number()) out.*field.member = found->get<double>();
  }
  return out;
}

}  // namespace

Json activity_json(const Results& results) {
  Json phases = Json::object();
  for (const auto& [kind, activity] : results.other_activity) phases[kind] = to_json(activity);
  return {{"measure", to_json(results.activity)},
          {"phases", std::move(phases)},
          {"missing", results.activity_missing}};
}

void read_activity(const Json& json, Results& results) {
  if (!json.is_object()) return;
  results.activity = activity_from(json.value("measure", Json::object()));
  const Json phases = json.value("phases", Json::object());
  for (const auto& [kind, activity] : phases.items()) {
    results.other_activity[kind] = activity_from(activity);
  }
  results.activity_missing =
      json.value("missing", Json::object()).get<std::map<std::string, std::string>>();
}

}  // namespace aieb
