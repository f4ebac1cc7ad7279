#include "analysis/goodput.h"

#include <array>
#include <optional>
#include <string_view>

#include "analysis/latency.h"

namespace aieb {
namespace {

std::optional<double> energy_j(const RequestResult& r) { return r.energy.value; }

std::optional<double> energy_per_token_j(const RequestResult& r) {
  if (!r.energy.value || r.record.output_tokens.value_or(0) <= 0) return std::nullopt;
  return *r.energy.value / static_cast<double>(*r.record.output_tokens);
}

/// One kind of limit: its key, the value of a request in SI units, and the key's unit in those.
struct Limit {
  std::string_view key;
  std::optional<double> (*value)(const RequestResult&);
  double unit;
  bool energy;  ///< a value that is absent is unknown, not fulfilled
};

constexpr double kMilli = 1e-3;

constexpr std::array kLimits{
    Limit{"ttft_ms", [](const RequestResult& r) { return r.ttft_s; }, kMilli, false},
    Limit{"tpot_ms", [](const RequestResult& r) { return r.tpot_s; }, kMilli, false},
    Limit{"itl_ms", [](const RequestResult& r) { return largest_token_gap(r.record.token_times); },
          kMilli, false},
    Limit{"e2e_ms", [](const RequestResult& r) { return r.latency_s; }, kMilli, false},
    Limit{"energy_j", energy_j, 1, true},
    Limit{"energy_per_token_j", energy_per_token_j, 1, true},
};

/// A limit that the user set.
struct ActiveLimit {
  const Limit* limit;
  double most;  ///< SI
};

std::vector<ActiveLimit> active_limits(const Results& results) {
  std::vector<ActiveLimit> active;
  const Json scenario = results.config.value("scenario", Json::object());
  const Json slo = scenario.is_object() ? scenario.value("slo", Json()) : Json();
  if (!slo.is_object()) return active;
  for (const Limit& limit : kLimits) {
    const auto found = slo.find(limit.key);
    if (found == slo.end() || !found->is_number()) continue;
    active.push_back({&limit, found->get<double>() * limit.unit});
  }
  return active;
}

bool is_judged(const RequestResult& request) {
  return request.record.status == RequestStatus::kOk ||
         request.record.status == RequestStatus::kFailed;
}

/// Whether a request keeps all limits; counts those it exceeds. Absent: an energy is not known.
std::optional<bool> judge(const RequestResult& request, const std::vector<ActiveLimit>& limits,
                          std::map<std::string, int64_t>& missed) {
  if (request.record.status != RequestStatus::kOk) return false;
  bool good = true;
  bool known = true;
  for (const ActiveLimit& active : limits) {
    const std::optional<double> value = active.limit->value(request);
    if (!value) {
      known = known && !active.limit->energy;
    } else if (*value > active.most) {
      ++missed[std::string(active.limit->key)];
      good = false;
    }
  }
  if (!good) return false;
  return known ? std::optional(true) : std::nullopt;
}

}  // namespace

std::vector<std::string> judge_goodput(Results& results) {
  const std::vector<ActiveLimit> limits = active_limits(results);
  if (limits.empty()) return {};
  Goodput goodput;
  for (const ActiveLimit& active : limits) goodput.missed[std::string(active.limit->key)] = 0;
  std::string unknown;
  for (RequestResult& request : results.requests) {
    if (!is_judged(request)) continue;
    ++goodput.judged;
    request.meets_slo = judge(request, limits, goodput.missed);
    if (request.meets_slo.value_or(false)) ++goodput.good;
    if (!request.meets_slo && unknown.empty()) {
      unknown =
          request.energy.reason.empty() ? "its tokens are not counted" : request.energy.reason;
    }
  }
  if (!unknown.empty()) {
    return {
        "goodput is unknown: scenario.slo has a limit on energy, and the energy of a request is "
        "not known (" +
        unknown + ")"};
  }
  if (goodput.judged == 0) return {};
  goodput.fraction = static_cast<double>(goodput.good) / static_cast<double>(goodput.judged);
  if (results.measured_s > 0) {
    goodput.requests_per_s = static_cast<double>(goodput.good) / results.measured_s;
  }
  results.goodput = std::move(goodput);
  return {};
}

}  // namespace aieb
