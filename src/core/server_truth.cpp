#include "core/server_truth.h"

#include <array>

namespace aieb {
namespace {

template <typename T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

template <typename T>
void read(const Json& json, const char* key, std::optional<T>& out) {
  const auto it = json.find(key);
  if (it != json.end() && !it->is_null()) out = it->get<T>();
}

/// One row a number that stands for itself in JSON.
struct NumberRow {
  const char* key;
  std::optional<double> ServerTruth::* member;
};
constexpr std::array kNumbers = {
    NumberRow{"mean_running", &ServerTruth::mean_running},
    NumberRow{"max_running", &ServerTruth::max_running},
    NumberRow{"mean_waiting", &ServerTruth::mean_waiting},
    NumberRow{"max_waiting", &ServerTruth::max_waiting},
    NumberRow{"mean_kv_usage", &ServerTruth::mean_kv_usage},
    NumberRow{"max_kv_usage", &ServerTruth::max_kv_usage},
    NumberRow{"prefix_hit_rate", &ServerTruth::prefix_hit_rate},
    NumberRow{"draft_acceptance", &ServerTruth::draft_acceptance},
};
struct CountRow {
  const char* key;
  std::optional<int64_t> ServerTruth::* member;
};
constexpr std::array kCounts = {
    CountRow{"prompt_tokens", &ServerTruth::prompt_tokens},
    CountRow{"output_tokens", &ServerTruth::output_tokens},
    CountRow{"finished_requests", &ServerTruth::finished_requests},
    CountRow{"preemptions", &ServerTruth::preemptions},
};

}  // namespace

Json to_json(const ServerTruth& s) {
  Json out = {{"engine", s.engine}, {"url", s.url}, {"readings", s.readings}};
  for (const NumberRow& row : kNumbers) out[row.key] = or_null(s.*row.member);
  for (const CountRow& row : kCounts) out[row.key] = or_null(s.*row.member);
  Json latencies = Json::object();
  for (const auto& [key, l] : s.latencies) {
    latencies[key] = {{"count", l.count},
                      {"mean_s", l.mean_s},
                      {"p50_s", or_null(l.p50_s)},
                      {"p90_s", or_null(l.p90_s)},
                      {"p99_s", or_null(l.p99_s)}};
  }
  out["latencies"] = std::move(latencies);
  out["series"] = {{"t_s", s.t_s}, {"running", s.running}, {"waiting", s.waiting}};
  return out;
}

std::optional<ServerTruth> server_truth_from(const Json& json) {
  if (!json.is_object() || !json.contains("latencies")) return std::nullopt;
  ServerTruth out;
  out.engine = json.value("engine", "");
  out.url = json.value("url", "");
  out.readings = json.value("readings", int64_t{0});
  for (const NumberRow& row : kNumbers) read(json, row.key, out.*row.member);
  for (const CountRow& row : kCounts) read(json, row.key, out.*row.member);
  for (const auto& [key, l] : json.at("latencies").items()) {
    ServerTruth::Latency& latency = out.latencies[key];
    latency.count = l.at("count").get<int64_t>();
    latency.mean_s = l.at("mean_s").get<double>();
    read(l, "p50_s", latency.p50_s);
    read(l, "p90_s", latency.p90_s);
    read(l, "p99_s", latency.p99_s);
  }
  json.at("series").at("t_s").get_to(out.t_s);
  json.at("series").at("running").get_to(out.running);
  json.at("series").at("waiting").get_to(out.waiting);
  return out;
}

}  // namespace aieb
