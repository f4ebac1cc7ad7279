#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/carbon_factor.h"
#include "core/client_load.h"
#include "core/events.h"
#include "core/json.h"
#include "core/quantity.h"

namespace aieb {

/// Summary of a sample of seconds. Absent when there is no observation.
struct Distribution {
  int64_t count = 0;
  double mean = 0;
  double std = 0;  ///< sample standard deviation (n - 1); 0 for one observation
  double min = 0;
  double p50 = 0;
  double p90 = 0;
  double p95 = 0;
  double p99 = 0;
  double p999 = 0;
  double max = 0;
};

/// Energy of one component over one window, split against the idle baseline.
struct ComponentEnergy {
  Quantity gross;       ///< J used
  Quantity idle_share;  ///< J: baseline power × window
  Quantity active;      ///< J: gross − idle_share
  Quantity baseline;    ///< W: mean power in the idle phase
};

/// Energy of a window: `total` = gpu + cpu + dram; node, disk and network are beside it, never
/// added.
struct WindowEnergy {
  double duration_s = 0;
  std::map<Component, ComponentEnergy> components;  ///< as far as present
  std::map<std::string, ComponentEnergy> domains;   ///< by "meter/name", e.g. "rapl/package-0"
  ComponentEnergy total;
  bool complete = false;             ///< every component of the total is known
  std::vector<std::string> missing;  ///< components that are not
};

/// State of one GPU over the measured window; absent values were not readable.
struct GpuStats {
  int index = 0;
  std::string name;
  Quantity energy;  ///< J
  std::optional<double> mean_power_w;
  std::optional<double> max_power_w;
  std::optional<double> mean_utilization_percent;
  std::optional<double> max_memory_used_bytes;
  std::optional<double> total_memory_bytes;
  std::optional<double> mean_temperature_c;
  std::optional<double> max_temperature_c;
  std::optional<double> mean_sm_clock_mhz;
  std::optional<double> mean_memory_utilization_percent;  ///< time in which memory was accessed
  std::optional<double> max_memory_temperature_c;
  std::optional<double> mean_memory_clock_mhz;
  std::optional<double> mean_memory_power_w;  ///< part of the GPU's power
  std::optional<double> power_limit_w;        ///< the highest that was in force
  std::string throttled_by;                   ///< "power_cap, thermal"; empty: nothing told
};

/// Bytes that the whole machine moved over a window; absent values were not readable.
struct HostActivity {
  std::optional<double> network_received_bytes;
  std::optional<double> network_sent_bytes;
  std::optional<double> disk_read_bytes;
  std::optional<double> disk_written_bytes;
  std::optional<double> memory_bytes;  ///< to and from memory
  std::optional<double> memory_read_bytes;
  std::optional<double> memory_written_bytes;
};

/// Power of one device over the run, thinned for drawing so that no peak and no trough is lost.
struct PowerSeries {
  std::string domain;  ///< "meter/name"
  Component component = Component::kCpu;
  int index = 0;
  std::string kind;             ///< counter, gauge or estimate
  std::vector<double> t_s;      ///< since the first phase began, increasing
  std::vector<double> power_w;  ///< mean over a span around each time
};

/// Number of values in each of the bins between consecutive edges; the last bin holds its end.
struct Histogram {
  std::vector<double> edges;
  std::vector<int64_t> counts;  ///< one less than edges
};

/// How the power of each instant was divided over the requests in flight. docs/metrics.md, "Energy
/// of a request".
struct EnergyDivision {
  std::string method;         ///< regression, tokens or time; empty: nothing to divide
  std::string reason;         ///< why not by regression; else empty
  Quantity per_prompt_token;  ///< J above idle that computing a prompt token costs, as learnt
  Quantity per_output_token;  ///< same of an output token
};

/// What the measured energy and the GPUs' time cost at the configured prices; the unit of every
/// part is the currency. Missing where no price is configured.
struct Cost {
  Quantity energy;            ///< energy × PUE × price
  Quantity gpu_time;          ///< GPUs × measured hours × price
  Quantity total;             ///< of what has a price
  Quantity per_1000_prompts;  ///< total over answered prompts
};

/// Emissions of making the devices that ran, as far as the measured time uses up their lives.
struct EmbodiedPart {
  EmbodiedItem item;
  Quantity emissions;  ///< g CO2e; missing when the number of devices is not known
};

struct RequestResult {
  RequestRecord record;
  std::optional<double> start_s;              ///< sent, since the first phase began
  std::optional<double> ttft_s;               ///< first token − sent
  std::optional<double> ttfa_s;               ///< first token of the answer, after reasoning − sent
  std::optional<double> tpot_s;               ///< (last token − first token) / (output tokens − 1)
  std::optional<double> latency_s;            ///< last token − sent (end to end)
  std::optional<double> send_lag_s;           ///< sent − intended start
  std::optional<double> ttft_from_planned_s;  ///< first token − intended start
  std::optional<double> latency_from_planned_s;  ///< last token − intended start
  std::optional<bool> meets_slo;                 ///< absent: no SLO, not judged, or not known
  Quantity energy;                               ///< J, gross share
  Quantity active_energy;                        ///< J, after the idle share
};

/// How many requests kept every limit of `scenario.slo`.
struct Goodput {
  int64_t judged = 0;                     ///< answered and failed requests
  int64_t good = 0;                       ///< answered within all limits
  double fraction = 0;                    ///< good ÷ judged
  double requests_per_s = 0;              ///< good ÷ measured time
  std::map<std::string, int64_t> missed;  ///< by limit: answered requests that exceed it
};

/// The part of the measured time in which the load was at its full strength, and the energy of what
/// was before (ramp) and after it (drain). Definition: analysis/steady_state.h.
struct SteadyState {
  int64_t limit = 0;  ///< requests in flight at full load; 0: open loop
  double duration_s = 0;
  int64_t requests = 0;                  ///< answered requests that lie in it wholly
  std::optional<int64_t> output_tokens;  ///< that arrived in it; absent if not all are known
  std::optional<double> output_tokens_per_s;
  std::optional<Distribution> ttft_s;  ///< of `requests`, as the two below
  std::optional<Distribution> tpot_s;
  std::optional<Distribution> e2e_s;
  WindowEnergy ramp;
  WindowEnergy energy;
  WindowEnergy drain;
  Quantity energy_per_output_token;  ///< J: energy ÷ output_tokens
};

/// What is to be known of a repeat before its numbers are used. A repeat is never left out.
struct RepeatFlag {
  std::string kind;  ///< outlier, throttled, short, warm, unstable, failed
  std::string text;  ///< in words
};

/// One measure phase by itself: what may differ from repeat to repeat.
struct RepeatResult {
  int repeat = 0;
  double start_s = 0;  ///< since the first phase began
  double duration_s = 0;
  int64_t prompts = 0;
  int64_t successful_prompts = 0;
  std::optional<int64_t> output_tokens;
  Quantity energy;                   ///< J, gross total
  Quantity gpu_energy;               ///< J
  Quantity energy_per_output_token;  ///< J
  Quantity energy_per_request;       ///< J
  std::optional<double> output_tokens_per_s;
  std::optional<double> throughput_prompts_per_s;
  std::optional<double> ttft_s;  ///< means over its answered prompts, as the two below
  std::optional<double> tpot_s;
  std::optional<double> e2e_s;
  std::vector<RepeatFlag> flags;
};

/// How well a run knows one of its means. analysis/intervals.h says what each method covers.
struct MetricInterval {
  std::string key;  ///< as in a comparison, e.g. "output_tokens_per_s"
  std::string label;
  std::string unit;
  std::string method;     ///< "repeats" or "batch_means"
  int64_t count = 0;      ///< repeats or batches
  double mean = 0;        ///< of one repeat
  double std = 0;         ///< of repeats or batches; sample standard deviation
  double half_width = 0;  ///< of the 95 % interval of the mean (Student's t)
  double systematic = 0;  ///< k = 2: the sensors' gain, which all repeats share; 0 for times
};

/// `backend` of a recording without requests: of a machine or of a command (`aieb monitor`).
constexpr const char* kMonitorBackend = "monitor";

/// What analysis makes of a trace. Pure data; reporters only read it.
struct Results {
  /// No prompts were to be answered: only time and energy mean something.
  [[nodiscard]] bool is_monitor() const { return backend == kMonitorBackend; }

  // Identity
  std::string run_id;
  std::string name;
  std::string backend;
  std::string engine;
  std::string model;
  std::string tool_version;
  int64_t started_wall_ns = 0;

  // Requests of the measure phases
  int64_t total_prompts = 0;
  int64_t successful_prompts = 0;
  int64_t failed_prompts = 0;
  int64_t cancelled_prompts = 0;         ///< begun, not finished when the run was stopped
  int64_t not_begun_prompts = 0;         ///< planned, not begun when the run was stopped
  std::optional<int64_t> prompt_tokens;  ///< Σ over successful requests; absent if one is unknown
  std::optional<int64_t> output_tokens;
  double measured_s = 0;  ///< Σ of the measure phases
  std::optional<double> avg_latency_s;
  std::optional<double> throughput_prompts_per_s;
  std::optional<double> output_tokens_per_s;
  std::optional<double> decode_tokens_per_s;  ///< 1 / mean TPOT
  std::optional<Distribution> ttft_s;
  std::optional<Distribution> tpot_s;
  std::optional<Distribution> ttfa_s;  ///< of requests that reasoned
  std::optional<Distribution> itl_s;
  std::optional<Distribution> icl_s;
  std::optional<double> tokens_per_chunk;  ///< mean tokens of an arrival
  std::optional<Distribution> e2e_s;
  std::optional<Distribution> send_lag_s;  ///< these three: of requests with an intended start
  std::optional<Distribution> ttft_from_planned_s;
  std::optional<Distribution> e2e_from_planned_s;
  std::optional<Goodput> goodput;               ///< absent without SLO, and when it is not known
  std::optional<SteadyState> steady_state;      ///< absent when the load was never full
  std::optional<ClientLoad> client;             ///< of a server's run
  std::map<std::string, Histogram> histograms;  ///< by ttft_s, tpot_s, itl_s, e2e_s if observed

  // Energy
  WindowEnergy measure;
  std::map<std::string, WindowEnergy> other_phases;  ///< idle, load, warmup, ramp, drain, cooldown
  Quantity unattributed;                             ///< J of measure not owed to a request
  Quantity preprocessing;       ///< J of `unattributed`: prompts were formatted and tokenised
  Quantity before_first_token;  ///< J of requests until their first token: waiting and prefill
  Quantity after_first_token;   ///< J of requests from then on: decode
  Quantity prefill_per_prompt_token;  ///< J: before_first_token ÷ prompt tokens
  Quantity decode_per_output_token;   ///< J: after_first_token ÷ output tokens
  EnergyDivision division;
  Quantity energy_per_output_token;  ///< J
  Quantity energy_per_request;       ///< J
  Quantity emissions;                ///< g CO2e of measure, PUE applied
  Quantity water;                    ///< L
  Quantity
      embodied;  ///< g CO2e of making the devices; missing unless asked for, never in emissions
  std::vector<EmbodiedPart> embodied_parts;
  std::optional<CarbonFactor> carbon;
  bool energy_disabled = false;
  Cost cost;
  std::vector<PowerSeries> power;  ///< of the devices whose energy counts

  std::vector<GpuStats> gpus;
  HostActivity activity;                                ///< of measure
  std::map<std::string, HostActivity> other_activity;   ///< by phase, as other_phases
  std::map<std::string, std::string> activity_missing;  ///< network, disk, memory: why
  std::vector<RequestResult> requests;
  std::vector<RepeatResult> repeats;      ///< one for each measure phase
  std::vector<MetricInterval> intervals;  ///< of what has one
  std::vector<std::string> warnings;      ///< plain words, each naming what to change

  // Carried over from the trace
  Json config = Json::object();
  Json environment = Json::object();
  Json backend_info = Json::object();
  Json protocol = Json::object();   ///< {name, fields, warmups, repeats, phases: [{kind, …}]}
  Json collected = Json::object();  ///< {collector: what it measured}
  Json files = Json::object();      ///< {label: path}
};

}  // namespace aieb
