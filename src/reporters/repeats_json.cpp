#include "reporters/repeats_json.h"

#include <array>
#include <optional>

#include "reporters/energy_json.h"

namespace aieb {
namespace {

struct EnergyField {
  const char* key;
  Quantity RepeatResult::* member;
};
constexpr std::array kEnergies = {
    EnergyField{"energy", &RepeatResult::energy},
    EnergyField{"gpu_energy", &RepeatResult::gpu_energy},
    EnergyField{"energy_per_output_token", &RepeatResult::energy_per_output_token},
    EnergyField{"energy_per_request", &RepeatResult::energy_per_request},
};

struct NumberField {
  const char* key;
  std::optional<double> RepeatResult::* member;
};
constexpr std::array kNumbers = {
    NumberField{"output_tokens_per_s", &RepeatResult::output_tokens_per_s},
    NumberField{"throughput_prompts_per_sec", &RepeatResult::throughput_prompts_per_s},
    NumberField{"ttft_s", &RepeatResult::ttft_s},
    NumberField{"tpot_s", &RepeatResult::tpot_s},
    NumberField{"e2e_s", &RepeatResult::e2e_s},
};

template <typename T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json repeat_json(const RepeatResult& r) {
  Json out = {{"repeat", r.repeat},
              {"start_s", r.start_s},
              {"duration_s", r.duration_s},
              {"prompts", r.prompts},
              {"successful_prompts", r.successful_prompts},
              {"output_tokens", or_null(r.output_tokens)}};
  for (const EnergyField& field : kEnergies) out[field.key] = to_json(r.*field.member);
  for (const NumberField& field : kNumbers) out[field.key] = or_null(r.*field.member);
  out["flags"] = Json::array();
  for (const RepeatFlag& flag : r.flags) {
    out["flags"].push_back({{"kind", flag.kind}, {"text", flag.text}});
  }
  return out;
}

RepeatResult repeat_from(const Json& json) {
  RepeatResult r;
  r.repeat = json.at("repeat").get<int>();
  r.start_s = json.at("start_s").get<double>();
  r.duration_s = json.at("duration_s").get<double>();
  r.prompts = json.at("prompts").get<int64_t>();
  r.successful_prompts = json.at("successful_prompts").get<int64_t>();
  if (!json.at("output_tokens").is_null()) {
    r.output_tokens = json.at("output_tokens").get<int64_t>();
  }
  for (const EnergyField& field : kEnergies) r.*field.member = quantity_from(json.at(field.key));
  for (const NumberField& field : kNumbers) {
    if (!json.at(field.key).is_null()) r.*field.member = json.at(field.key).get<double>();
  }
  for (const Json& flag : json.at("flags")) {
    r.flags.push_back({flag.at("kind").get<std::string>(), flag.at("text").get<std::string>()});
  }
  return r;
}

}  // namespace

Json repeats_json(const std::vector<RepeatResult>& repeats) {
  Json out = Json::array();
  for (const RepeatResult& repeat : repeats) out.push_back(repeat_json(repeat));
  return out;
}

std::vector<RepeatResult> repeats_from(const Json& json) {
  std::vector<RepeatResult> out;
  for (const Json& repeat : json) out.push_back(repeat_from(repeat));
  return out;
}

Json intervals_json(const std::vector<MetricInterval>& intervals) {
  Json out = Json::array();
  for (const MetricInterval& i : intervals) {
    out.push_back({{"key", i.key},
                   {"label", i.label},
                   {"unit", i.unit},
                   {"method", i.method},
                   {"count", i.count},
                   {"mean", i.mean},
                   {"std", i.std},
                   {"half_width", i.half_width},
                   {"systematic", i.systematic}});
  }
  return out;
}

std::vector<MetricInterval> intervals_from(const Json& json) {
  std::vector<MetricInterval> out;
  for (const Json& i : json) {
    out.push_back({.key = i.at("key").get<std::string>(),
                   .label = i.at("label").get<std::string>(),
                   .unit = i.at("unit").get<std::string>(),
                   .method = i.at("method").get<std::string>(),
                   .count = i.at("count").get<int64_t>(),
                   .mean = i.at("mean").get<double>(),
                   .std = i.at("std").get<double>(),
                   .half_width = i.at("half_width").get<double>(),
                   .systematic = i.at("systematic").get<double>()});
  }
  return out;
}

}  // namespace aieb
