#include "analysis/analyze.h"

#include <algorithm>
#include <utility>

#include "analysis/activity.h"
#include "analysis/attribution.h"
#include "analysis/client_load.h"
#include "analysis/cost.h"
#include "analysis/footprint.h"
#include "analysis/goodput.h"
#include "analysis/gpu_stats.h"
#include "analysis/intensity.h"
#include "analysis/intervals.h"
#include "analysis/latency.h"
#include "analysis/power_series.h"
#include "analysis/repeats.h"
#include "analysis/server_truth.h"
#include "analysis/sources.h"
#include "analysis/steady_state.h"
#include "analysis/wall_clock.h"
#include "analysis/warnings.h"
#include "analysis/windows.h"
#include "core/clock.h"
#include "core/error.h"

namespace aieb {
namespace {

/// When the client began to spend time on a request.
std::optional<int64_t> start_of(const RequestRecord& r) {
  if (r.sent_ns) return r.sent_ns;
  if (r.status == RequestStatus::kNotBegun) return r.done_ns;
  if (r.queued_ns) return r.queued_ns;
  return r.planned_ns;
}

std::vector<TimeSpan> spans_of(const Trace& trace, PhaseKind kind) {
  std::vector<TimeSpan> spans;
  for (const Phase& phase : trace.phases) {
    if (phase.kind == kind && phase.end_ns > phase.start_ns) {
      spans.push_back({phase.start_ns, phase.end_ns});
    }
  }
  return spans;
}

std::string text_of(const Json& object, const char* key) {
  if (!object.is_object()) return "";
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : "";
}

std::string meta_of(const Trace& trace, const char* key) {
  const auto it = trace.meta.find(key);
  return it == trace.meta.end() ? "" : it->second;
}

Json object_or_empty(Json json) { return json.is_object() ? std::move(json) : Json::object(); }

class Analysis {
 public:
  explicit Analysis(Trace trace) : trace_(std::move(trace)) {}

  Results run() {
    identify();
    find_spans();
    collect_requests();
    summarize_requests(results_);
    add_planned_but_not_started();
    add_energy();
    const std::optional<ServerTruth> server = server_truth(trace_, measure_, origin_ns());
    if (server) results_.collected[kServerCollected] = to_json(*server);
    describe_protocol();
    add_repeats();
    results_.client = client_load(trace_, results_);
    const std::vector<std::string> unknown = judge_goodput(results_);
    results_.warnings = find_warnings(trace_, sources_, idle_, results_);
    const std::vector<std::string> served =
        server ? server_warnings(*server, results_) : std::vector<std::string>();
    for (const auto& more : {repeat_warnings(results_), unknown, served}) {
      results_.warnings.insert(results_.warnings.end(), more.begin(), more.end());
    }
    return std::move(results_);
  }

 private:
  void identify() {
    results_.run_id = meta_of(trace_, meta::kRunId);
    results_.name = meta_of(trace_, meta::kName);
    results_.tool_version = meta_of(trace_, meta::kToolVersion);
    results_.config = object_or_empty(trace_.meta_json(meta::kConfig));
    results_.environment = object_or_empty(trace_.meta_json(meta::kEnvironment));
    results_.backend_info = object_or_empty(trace_.meta_json(meta::kBackendInfo));
    results_.collected = object_or_empty(trace_.meta_json(meta::kCollected));
    results_.files = object_or_empty(trace_.meta_json(meta::kFiles));
    results_.backend = text_of(results_.backend_info, "type");
    results_.engine = text_of(results_.backend_info, "engine");
    results_.model = text_of(results_.backend_info, "model");
    const Json carbon = trace_.meta_json(meta::kCarbon);
    if (carbon.is_object()) results_.carbon = carbon_factor_from(carbon);
    const Json metrics = results_.config.value("metrics", Json::object());
    results_.energy_disabled = metrics.is_object() && !metrics.value("enabled", true);
    if (!trace_.phases.empty()) {
      results_.started_wall_ns = wall_time(trace_, trace_.phases.front().start_ns);
    } else if (!trace_.clock.empty()) {
      results_.started_wall_ns = trace_.clock.front().wall_ns;
    }
  }

  void find_spans() {
    measure_ = spans_of(trace_, PhaseKind::kMeasure);
    idle_ = spans_of(trace_, PhaseKind::kIdle);
    results_.measured_s = duration_s(measure_);
    for (const Phase& phase : trace_.phases) {
      edges_.push_back(phase.start_ns);
      edges_.push_back(phase.end_ns);
    }
  }

  [[nodiscard]] const TimeSpan* measure_span_at(int64_t t_ns) const {
    for (const TimeSpan& span : measure_) {
      if (t_ns >= span.start_ns && t_ns <= span.end_ns) return &span;
    }
    return nullptr;
  }

  /// A model in this process takes a request up to prepare its prompt; the client of a server
  /// takes it up to open its connection.
  [[nodiscard]] bool prepares_prompts() const {
    return results_.backend_info.value("in_process", false);
  }

  /// A request belongs to the measurement when it started in a measure phase.
  void collect_requests() {
    for (RequestRecord& record : trace_.requests) {
      const auto start = start_of(record);
      const TimeSpan* measured = start ? measure_span_at(*start) : nullptr;
      Flight flight;
      if (measured != nullptr) flight.result = results_.requests.size();
      if (record.sent_ns) {
        // One that never ended was in flight until the measurement was given up.
        const int64_t fallback = measured != nullptr ? measured->end_ns : *record.sent_ns;
        const auto end = record.done_ns ? record.done_ns : record.last_token_ns;
        flight.span = {*record.sent_ns, end.value_or(fallback)};
        flight.first_token_ns = record.first_token_ns;
        // One that ended as it was sent never reached the model: what took the time is not known.
        const bool reached = flight.span.end_ns > flight.span.start_ns;
        if (reached && prepares_prompts()) flight.preparing_since_ns = record.queued_ns;
        flight.output_tokens = record.output_tokens;
        if (record.prompt_tokens) {
          flight.computed_prompt_tokens = *record.prompt_tokens - record.cached_tokens.value_or(0);
        }
        flights_.push_back(flight);
      }
      if (measured == nullptr) continue;
      phase_of_request_.push_back(static_cast<size_t>(measured - measure_.data()));
      results_.requests.push_back(latencies_of(std::move(record)));
      results_.requests.back().start_s = since_origin(results_.requests.back().record.sent_ns);
    }
  }

  /// When the first phase began.
  [[nodiscard]] int64_t origin_ns() const {
    return trace_.phases.empty() ? 0 : trace_.phases.front().start_ns;
  }

  [[nodiscard]] std::optional<double> since_origin(std::optional<int64_t> t_ns) const {
    return t_ns ? std::optional(seconds(*t_ns - origin_ns())) : std::nullopt;
  }

  /// Prompts of the plan that the run was stopped before.
  void add_planned_but_not_started() {
    const Json plan = object_or_empty(trace_.meta_json(meta::kPlan));
    const Json load = object_or_empty(plan.value("load", Json::object()));
    const Json dataset = object_or_empty(plan.value("dataset", Json::object()));
    // Null where a duration ends the load: then nothing is missing.
    const Json count =
        load.contains("requests") ? load["requests"] : dataset.value("num_samples", Json(0));
    int64_t planned = count.is_number() ? count.get<int64_t>() : 0;
    planned *= std::max<int64_t>(1, static_cast<int64_t>(measure_.size()));
    const int64_t not_started = planned - results_.total_prompts;
    if (not_started <= 0) return;
    results_.total_prompts += not_started;
    results_.not_begun_prompts += not_started;
  }

  void add_energy() {
    std::map<std::string, std::vector<TimeSpan>> others;
    for (const Phase& phase : trace_.phases) {
      if (phase.kind == PhaseKind::kMeasure || phase.end_ns <= phase.start_ns) continue;
      others[std::string(to_string(phase.kind))].push_back({phase.start_ns, phase.end_ns});
    }
    if (results_.energy_disabled) {
      results_.measure = disabled_energy(measure_);
      for (const auto& [kind, spans] : others) results_.other_phases[kind] = disabled_energy(spans);
      results_.unattributed = results_.preprocessing = Quantity::disabled("J");
      results_.before_first_token = results_.after_first_token = Quantity::disabled("J");
      results_.division.per_prompt_token = Quantity::disabled("J");
      results_.division.per_output_token = Quantity::disabled("J");
      for (RequestResult& r : results_.requests)
        r.energy = r.active_energy = Quantity::disabled("J");
    } else {
      sources_ = choose_sources(trace_, edges_, measure_, load_changes(flights_));
      const ComponentPlan plan = plan_components(trace_, sources_);
      const std::vector<Quantity> baselines = idle_baselines(sources_, idle_);
      results_.measure = window_energy(sources_, plan, measure_, baselines);
      for (const auto& [kind, spans] : others) {
        results_.other_phases[kind] = window_energy(sources_, plan, spans, baselines);
      }
      const Attribution attribution = attribute_energy(
          sources_, measure_, baselines, results_.measure, flights_, results_.requests);
      results_.unattributed = attribution.unattributed;
      results_.preprocessing = attribution.preparing;
      results_.before_first_token = attribution.before_first_token;
      results_.after_first_token = attribution.after_first_token;
      results_.division = attribution.division;
      results_.power = power_series(sources_, origin_ns(), last_phase_end_ns());
    }
    add_steady_state();
    results_.gpus = gpu_stats(trace_, sources_, results_.measure, measure_);
    results_.activity = host_activity(trace_, measure_);
    for (const auto& [kind, spans] : others) {
      results_.other_activity[kind] = host_activity(trace_, spans);
    }
    results_.activity_missing = why_no_activity(trace_);
    derive_from_energy();
  }

  /// The limit that makes a load full; absent where there is no single one.
  [[nodiscard]] std::optional<int64_t> full_load() const {
    const Json plan = object_or_empty(trace_.meta_json(meta::kPlan));
    const Json load = object_or_empty(plan.value("load", Json::object()));
    const std::string mode = text_of(load, "mode");
    if (mode.empty() || mode == "sequential") return std::nullopt;
    if (mode != "closed") return 0;
    if (load.contains("stages")) return std::nullopt;
    const int64_t limit = load.value("concurrency", int64_t{1});
    return limit > 1 ? std::optional(limit) : std::nullopt;
  }

  void add_steady_state() {
    const std::optional<int64_t> limit = full_load();
    if (!limit) return;
    const std::optional<LoadParts> parts = cut_load(results_.requests, measure_, *limit);
    if (!parts) return;
    SteadyState steady = summarize_steady(results_.requests, *parts);
    steady.ramp = energy_of(parts->ramp);
    steady.energy = energy_of(parts->steady);
    steady.drain = energy_of(parts->drain);
    steady.energy_per_output_token = per_count(steady.energy.total.gross, steady.output_tokens,
                                               "not every token's arrival is known");
    results_.steady_state = std::move(steady);
  }

  [[nodiscard]] WindowEnergy energy_of(const std::vector<TimeSpan>& spans) const {
    if (results_.energy_disabled) return disabled_energy(spans);
    return window_energy(sources_, plan_components(trace_, sources_), spans,
                         idle_baselines(sources_, idle_));
  }

  [[nodiscard]] int64_t last_phase_end_ns() const {
    return edges_.empty() ? 0 : *std::ranges::max_element(edges_);
  }

  void derive_from_energy() {
    const Quantity& gross = results_.measure.total.gross;
    results_.energy_per_output_token =
        per_count(gross, results_.output_tokens, "the number of output tokens is not known");
    results_.energy_per_request =
        per_count(gross, results_.successful_prompts, "no request was successful");
    results_.prefill_per_prompt_token =
        per_count(results_.before_first_token, results_.prompt_tokens,
                  "the number of prompt tokens is not known");
    results_.decode_per_output_token = per_count(results_.after_first_token, results_.output_tokens,
                                                 "the number of output tokens is not known");
    if (results_.carbon) {
      results_.carbon = over_measurement(std::move(*results_.carbon), trace_, measure_, sources_,
                                         results_.measure);
      results_.emissions = emissions_of(gross, *results_.carbon);
      results_.water = water_of(gross, *results_.carbon);
    } else {
      results_.emissions = Quantity::missing("g", "no carbon intensity is in the trace");
      results_.water = Quantity::missing("L", "no water usage effectiveness is in the trace");
    }
    results_.embodied_parts = embodied_of(results_.carbon.value_or(CarbonFactor{}),
                                          results_.measured_s, results_.gpus.size());
    results_.embodied = embodied_total(results_.embodied_parts);
    results_.cost = cost_of(results_);
  }

  void describe_protocol() {
    const std::vector<TimeSpan> warmup = spans_of(trace_, PhaseKind::kWarmup);
    int64_t warmups = 0;
    for (const Flight& flight : flights_) {
      warmups += std::any_of(warmup.begin(), warmup.end(), [&](const TimeSpan& span) {
        return flight.span.start_ns >= span.start_ns && flight.span.start_ns <= span.end_ns;
      });
    }
    Json phases = Json::array();
    for (const Phase& phase : trace_.phases) {
      phases.push_back({{"kind", to_string(phase.kind)},
                        {"repeat", phase.repeat},
                        {"start_s", seconds(phase.start_ns - origin_ns())},
                        {"duration_s", seconds(phase.end_ns - phase.start_ns)}});
    }
    const Json fields = object_or_empty(trace_.meta_json(meta::kProtocol));
    results_.protocol = {{"name", fields.value("name", Json())},
                         {"fields", fields},
                         {"warmups", warmups},
                         {"repeats", measure_.size()},
                         {"phases", phases}};
  }

  void add_repeats() {
    if (results_.is_monitor()) return;
    const std::vector<Quantity> baselines = idle_baselines(sources_, idle_);
    results_.repeats = summarize_repeats(
        {trace_, sources_, baselines, measure_, results_.requests, phase_of_request_});
    if (results_.energy_disabled) {
      for (RepeatResult& repeat : results_.repeats) {
        repeat.energy = repeat.gpu_energy = repeat.energy_per_output_token =
            repeat.energy_per_request = Quantity::disabled("J");
      }
    }
    results_.intervals = intervals_of(results_.repeats, results_.requests);
  }

  Trace trace_;
  Results results_;
  std::vector<TimeSpan> measure_;
  std::vector<size_t> phase_of_request_;  ///< index in measure_, for each of the results' requests
  std::vector<TimeSpan> idle_;
  std::vector<int64_t> edges_;
  std::vector<Flight> flights_;
  EnergySources sources_;
};

}  // namespace

Results analyze(Trace trace) {
  const std::string path = trace.path;
  try {
    return Analysis(std::move(trace)).run();
  } catch (const Json::exception& error) {
    if (path.empty()) throw;
    throw DataError("'" + path + "' is not a readable trace: a value in it has the wrong type (" +
                    error.what() + ")");
  }
}

}  // namespace aieb
