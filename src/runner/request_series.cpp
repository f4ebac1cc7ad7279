#include "runner/request_series.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>

#include <fmt/format.h>

#include "core/clock.h"
#include "core/error.h"
#include "core/random.h"
#include "runner/arrivals.h"
#include "runner/load_shape.h"

namespace aieb {
namespace {

/// A plan is held in memory; more than this is a mistake in a rate or a duration.
constexpr size_t kMostRequests = 5'000'000;

/// Which use of the run's seed draws the arrivals.
constexpr uint64_t kArrivalSeed = 1;

constexpr bool takes_salt(std::string_view type) { return type == "vllm"; }

/// The conversations (single prompts are conversations of one turn) of a list of requests: where
/// each begins, and the end of the list.
std::vector<size_t> beginnings(const std::vector<Request>& requests) {
  std::vector<size_t> at;
  for (size_t i = 0; i < requests.size(); ++i) {
    if (requests[i].turn == 0) at.push_back(i);
  }
  at.push_back(requests.size());
  return at;
}

/// `count` conversations made of the given ones in their order, round by round.
std::vector<Request> repeated(const BenchmarkConfig& config, const std::vector<Request>& prompts,
                              size_t count) {
  const std::vector<size_t> at = beginnings(prompts);
  const size_t size = at.size() - 1;
  std::vector<Request> requests;
  for (size_t k = 0; k < count; ++k) {
    const size_t round = k / size;
    for (size_t i = at[k % size]; i < at[k % size + 1]; ++i) {
      Request next = prompts[i];
      next.id = static_cast<int64_t>(requests.size());
      if (round > 0 && salts_repeats(config)) next.cache_salt = fmt::format("round-{}", round);
      if (round > 0 && !next.session.empty()) next.session += fmt::format("-round-{}", round);
      requests.push_back(std::move(next));
    }
  }
  return requests;
}

ArrivalKind arrival_kind(const std::string& mode) {
  if (mode == "constant") return ArrivalKind::kConstant;
  return mode == "poisson" ? ArrivalKind::kPoisson : ArrivalKind::kGamma;
}

std::vector<int64_t> arrivals(const ScenarioConfig& scenario, const LoadShape& shape) {
  const LoadConfig& load = scenario.load;
  size_t most = kMostRequests + 1;
  if (!shape.duration_s) most = static_cast<size_t>(scenario.num_samples);
  if (load.request_count) most = static_cast<size_t>(*load.request_count);
  std::vector<int64_t> offsets =
      plan_arrivals(arrival_kind(load.mode), load.burstiness.value_or(1), shape.rates, most,
                    derived_seed(scenario.seed, kArrivalSeed));
  if (offsets.size() > kMostRequests) {
    throw ConfigError(
        fmt::format("scenario.load asks for more than {} requests: lower its rate or "
                    "duration, or set scenario.load.request_count",
                    kMostRequests));
  }
  if (offsets.empty()) {
    throw ConfigError(
        "scenario.load holds no request at this seed: its rate times its duration is "
        "too small");
  }
  return offsets;
}

void lay_out_open_loop(const BenchmarkConfig& config, const std::vector<Request>& prompts,
                       const LoadShape& shape, Workload& workload) {
  const std::vector<int64_t> offsets = arrivals(config.scenario, shape);
  workload.requests = repeated(config, prompts, offsets.size());
  size_t next = 0;
  for (Request& request : workload.requests) {
    if (request.turn == 0) request.planned_offset_ns = offsets[next++];
  }
}

void lay_out_closed_loop(const BenchmarkConfig& config, std::vector<Request> prompts,
                         const LoadShape& shape, Workload& workload) {
  const LoadConfig& load = config.scenario.load;
  workload.load.stages = shape.concurrency;
  if (shape.duration_s) {
    workload.load.duration_ns = nanoseconds(*shape.duration_s);
    workload.load.repeat = true;
    workload.load.salt_repeats = salts_repeats(config);
    if (load.request_count) workload.load.max_requests = *load.request_count;
    workload.requests = std::move(prompts);
  } else if (load.request_count) {
    workload.requests = repeated(config, prompts, static_cast<size_t>(*load.request_count));
  } else {
    workload.requests = std::move(prompts);
  }
}

/// Settings that only some modes read.
struct ModeSetting {
  std::string_view key;
  bool (*is_set)(const LoadConfig&);
  std::string_view modes;  ///< that read it
};

constexpr std::array kModeSettings{
    ModeSetting{"request_rate", [](const LoadConfig& l) { return l.request_rate.has_value(); },
                "constant poisson gamma"},
    ModeSetting{"burstiness", [](const LoadConfig& l) { return l.burstiness.has_value(); },
                "gamma"},
    ModeSetting{"trace_file", [](const LoadConfig& l) { return !l.trace_file.empty(); }, "trace"},
    ModeSetting{"time_scale", [](const LoadConfig& l) { return l.time_scale != 1; }, "trace"},
    ModeSetting{"concurrency", [](const LoadConfig& l) { return l.concurrency > 1; },
                "closed constant poisson gamma trace"},
};

bool names(std::string_view modes, std::string_view mode) {
  for (size_t at = 0; at < modes.size();) {
    const size_t end = std::min(modes.find(' ', at), modes.size());
    if (modes.substr(at, end - at) == mode) return true;
    at = end + 1;
  }
  return false;
}

}  // namespace

bool salts_repeats(const BenchmarkConfig& config) {
  return takes_salt(config.backend.type) && !config.scenario.load.allow_cached_repeats;
}

std::string repeat_notice(const BenchmarkConfig& config, const std::string& how) {
  const std::string& type = config.backend.type;
  if (type == "pytorch") return how;
  if (config.scenario.load.allow_cached_repeats) {
    return how +
           ". The server's prefix cache may answer the repeats "
           "(scenario.load.allow_cached_repeats)";
  }
  if (takes_salt(type)) {
    return how +
           ", each round with a cache_salt of its own, so that the server's prefix cache does "
           "not answer the repeats";
  }
  return how + fmt::format(
                   ". A prefix cache may answer the repeats: servers of backend.type {} "
                   "take no cache_salt. Raise scenario.num_samples or use "
                   "scenario.synthetic",
                   type);
}

void lay_out(const BenchmarkConfig& config, std::vector<Request> requests, Workload& workload) {
  const LoadConfig& load = config.scenario.load;
  const LoadShape shape = load_shape(load);
  workload.load.mode = load.mode;
  workload.load.concurrency = load.mode == "sequential" ? 1 : load.concurrency;
  if (is_open_loop(load) && config.backend.type == "pytorch") {
    throw ConfigError(
        fmt::format("scenario.load.mode '{}' needs a server (backend.type vllm, openai "
                    "or ollama): pytorch answers the prompts one batch after the "
                    "other",
                    load.mode));
  }
  if (load.mode == "trace") {
    workload.requests = std::move(requests);  // they bring their times
  } else if (is_open_loop(load)) {
    lay_out_open_loop(config, requests, shape, workload);
  } else {
    lay_out_closed_loop(config, std::move(requests), shape, workload);
  }
}

std::optional<int64_t> planned_requests(const Workload& workload) {
  if (workload.load.repeat) return std::nullopt;
  return static_cast<int64_t>(workload.requests.size());
}

std::vector<std::string> load_notices(const BenchmarkConfig& config, const Workload& workload,
                                      int64_t prompts) {
  std::vector<std::string> notices;
  const LoadConfig& load = config.scenario.load;
  for (const ModeSetting& setting : kModeSettings) {
    if (!setting.is_set(load) || names(setting.modes, load.mode)) continue;
    notices.push_back(
        fmt::format("scenario.load.{} has no effect with mode '{}'", setting.key, load.mode));
  }
  const auto count = static_cast<int64_t>(beginnings(workload.requests).size()) - 1;
  if (workload.load.repeat) {
    notices.push_back(repeat_notice(
        config, fmt::format("{} prompts are repeated until the load's duration is over", prompts)));
  } else if (count > prompts) {
    notices.push_back(repeat_notice(
        config, fmt::format("{} prompts are repeated for {} requests", prompts, count)));
  }
  return notices;
}

Json describe_load(const BenchmarkConfig& config, const Workload& workload) {
  const LoadConfig& load = config.scenario.load;
  const std::optional<int64_t> count = planned_requests(workload);
  Json out = {{"mode", load.mode}, {"concurrency", workload.load.concurrency}};
  out["requests"] = count ? Json(*count) : Json();
  if (load.request_rate) out["request_rate"] = *load.request_rate;
  if (load.mode == "gamma") out["burstiness"] = load.burstiness.value_or(1);
  if (load.duration_s) out["duration_s"] = *load.duration_s;
  if (!load.trace_file.empty()) out["trace_file"] = load.trace_file;
  if (load.time_scale != 1) out["time_scale"] = load.time_scale;
  if (!load.stages.is_null()) out["stages"] = load.stages;
  for (const Request& request : workload.requests) {
    if (request.planned_offset_ns) out["last_arrival_s"] = seconds(*request.planned_offset_ns);
  }
  return out;
}

}  // namespace aieb
