#include "analysis/compare.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <utility>

#include "analysis/intervals.h"
#include "analysis/statistics.h"

namespace aieb {
namespace {

/// Part of a sensor's gain that may change between two runs.
constexpr double kGainChange = 0.1;

std::string text_at(const Json& object, const char* key) {
  if (!object.is_object() || !object.contains(key)) return "";
  const Json& value = object[key];
  return value.is_string() ? value.get<std::string>() : value.dump();
}

/// Systematic part of b·scale_b − a·scale_a, domain by domain.
double systematic_of_difference(const WindowEnergy& a, double scale_a, const WindowEnergy& b,
                                double scale_b) {
  std::set<std::string> labels;
  for (const auto& [label, energy] : a.domains) labels.insert(label);
  for (const auto& [label, energy] : b.domains) labels.insert(label);
  const auto part = [](const WindowEnergy& w, const std::string& label, double scale) {
    const auto it = w.domains.find(label);
    if (it == w.domains.end() || !it->second.gross.known()) return 0.0;
    return it->second.gross.systematic * scale;
  };
  double squares = 0;
  for (const std::string& label : labels) {
    const double in_a = part(a, label, scale_a);
    const double in_b = part(b, label, scale_b);
    const double changed = kGainChange * std::hypot(in_a, in_b);
    squares += (in_b - in_a) * (in_b - in_a) + changed * changed;
  }
  return std::sqrt(squares);
}

/// Value per joule of the run's total; 0 when unknown.
double per_joule(const Quantity& value, const Results& r) {
  const Quantity& total = r.measure.total.gross;
  if (!value.known() || !total.known() || *total.value == 0) return 0;
  return *value.value / *total.value;
}

/// Standard error of a mean and how well that is known itself.
struct StandardError {
  double value = 0;
  double dof = std::numeric_limits<double>::infinity();
};

/// From the run's interval, scaled to a value that is its mean times a constant (a run's energy is
/// that of its repeats together); else from the expanded random part.
StandardError standard_error(const Quantity& q, const MetricInterval* interval) {
  if (interval == nullptr || interval->mean == 0) return {q.random / 2};
  const auto n = static_cast<double>(interval->count);
  const double scale = q.known() ? *q.value / interval->mean : 1;
  return {std::abs(scale) * interval->std / std::sqrt(n), n - 1};
}

/// Half width of the 95 % interval of a difference (Welch and Satterthwaite).
double welch(const StandardError& a, const StandardError& b) {
  const double squares = a.value * a.value + b.value * b.value;
  if (squares <= 0) return 0;
  const double fourth = std::pow(a.value, 4) / a.dof + std::pow(b.value, 4) / b.dof;
  const double dof =
      fourth > 0 ? squares * squares / fourth : std::numeric_limits<double>::infinity();
  return student_t_975(dof) * std::sqrt(squares);
}

/// What the metric's random part is by the interval; the value stays.
Quantity with_interval(Quantity q, const MetricInterval* interval) {
  if (!q.known() || interval == nullptr || interval->mean == 0) return q;
  q.random = std::abs(*q.value / interval->mean) * interval->half_width;
  return q;
}

/// Of the energy of one run.
Basis basis_of(const Results& r) {
  const Quantity& total = r.measure.total.gross;
  if (!total.known()) return Basis::kUnknown;
  bool estimated = total.source == Source::kEstimated;
  bool measured = false;
  for (const auto& [component, energy] : r.measure.components) {
    if (!in_total(component) || !energy.gross.known()) continue;
    (energy.gross.source == Source::kEstimated ? estimated : measured) = true;
  }
  if (!estimated) return Basis::kMeasured;
  return measured ? Basis::kPartlyEstimated : Basis::kEstimated;
}

std::vector<std::string> estimated_components(const Results& a, const Results& b) {
  std::set<std::string> names;
  for (const Results* r : {&a, &b}) {
    for (const auto& [component, energy] : r->measure.components) {
      if (!in_total(component) || energy.gross.source != Source::kEstimated) continue;
      names.emplace(to_string(component));
    }
  }
  return {names.begin(), names.end()};
}

void judge(MetricComparison& metric) {
  const Quantity& d = metric.difference;
  if (!d.known() || d.uncertainty() <= 0) return;
  metric.verdict =
      std::abs(*d.value) > d.uncertainty() ? Verdict::kDifferent : Verdict::kNotDistinguishable;
}

MetricComparison compare_quantities(std::string key, std::string label, const Quantity& a,
                                    const Quantity& b) {
  MetricComparison metric;
  metric.key = std::move(key);
  metric.label = std::move(label);
  metric.a = a;
  metric.b = b;
  metric.difference.unit = a.unit;
  if (a.known() && b.known()) {
    metric.difference.value = *b.value - *a.value;
    metric.difference.systematic = std::hypot(a.systematic, b.systematic);
    metric.difference.random = std::hypot(a.random, b.random);
    metric.difference.source = a.source == b.source ? a.source : Source::kPartial;
    if (*a.value != 0) metric.ratio = *b.value / *a.value;
  } else {
    metric.difference.reason = a.known() ? b.reason : a.reason;
  }
  return metric;
}

/// The same, with random parts by the runs' intervals of `interval_key` where they have one.
MetricComparison compare_with_intervals(const char* key, const char* label,
                                        const char* interval_key, const Quantity& in_a,
                                        const Quantity& in_b, const Results& a, const Results& b) {
  const MetricInterval* of_a = find_interval(a.intervals, interval_key);
  const MetricInterval* of_b = find_interval(b.intervals, interval_key);
  MetricComparison metric =
      compare_quantities(key, label, with_interval(in_a, of_a), with_interval(in_b, of_b));
  if (metric.difference.known() && (of_a != nullptr || of_b != nullptr)) {
    metric.difference.random = welch(standard_error(in_a, of_a), standard_error(in_b, of_b));
  }
  return metric;
}

/// Metrics that are the total energy times a constant of the run.
struct EnergyMetric {
  const char* key;
  const char* label;
  const char* interval;  ///< whose spread is theirs
  const Quantity& (*value)(const Results&);
};
const EnergyMetric kEnergyMetrics[] = {
    {"total_energy_j", "energy", "total_energy_j",
     [](const Results& r) -> const Quantity& { return r.measure.total.gross; }},
    {"energy_per_request_j", "energy per prompt", "energy_per_request_j",
     [](const Results& r) -> const Quantity& { return r.energy_per_request; }},
    {"energy_per_output_token_j", "energy per output token", "energy_per_output_token_j",
     [](const Results& r) -> const Quantity& { return r.energy_per_output_token; }},
    {"emissions_g", "emissions", "total_energy_j",
     [](const Results& r) -> const Quantity& { return r.emissions; }},
};

/// The mean of a sample with twice its standard error.
Quantity mean_of(const std::optional<Distribution>& d, const char* unit) {
  if (!d) return Quantity::missing(unit, "not observed");
  Quantity mean = Quantity::missing(unit, "");
  mean.value = d->mean;
  mean.random = d->count > 1 ? 2 * d->std / std::sqrt(static_cast<double>(d->count)) : 0;
  mean.source = Source::kMeasuredCounter;
  return mean;
}

Quantity exact(const std::optional<double>& value, const char* unit) {
  Quantity out = Quantity::missing(unit, "not observed");
  if (!value) return out;
  out.value = *value;
  out.source = Source::kMeasuredCounter;
  out.reason.clear();
  return out;
}

void add_energy(Comparison& out, const Results& a, const Results& b) {
  for (const EnergyMetric& row : kEnergyMetrics) {
    const Quantity& in_a = row.value(a);
    const Quantity& in_b = row.value(b);
    MetricComparison metric =
        compare_with_intervals(row.key, row.label, row.interval, in_a, in_b, a, b);
    if (out.same_sensors && metric.difference.known()) {
      metric.difference.systematic =
          systematic_of_difference(a.measure, per_joule(in_a, a), b.measure, per_joule(in_b, b));
    }
    judge(metric);
    if (metric.difference.known()) metric.basis = out.energy;
    out.metrics.push_back(std::move(metric));
  }
}

void add_performance(Comparison& out, const Results& a, const Results& b) {
  const auto add = [&](const char* key, const char* label, const Quantity& x, const Quantity& y) {
    MetricComparison& metric =
        out.metrics.emplace_back(compare_with_intervals(key, label, key, x, y, a, b));
    judge(metric);
    if (metric.difference.known()) metric.basis = Basis::kMeasured;
  };
  add("ttft_s", "time to first token, mean", mean_of(a.ttft_s, "s"), mean_of(b.ttft_s, "s"));
  add("tpot_s", "time per output token, mean", mean_of(a.tpot_s, "s"), mean_of(b.tpot_s, "s"));
  add("e2e_s", "latency, mean", mean_of(a.e2e_s, "s"), mean_of(b.e2e_s, "s"));
  const auto add_rate = [&](const char* key, const char* label, const std::optional<double>& x,
                            const std::optional<double>& y) {
    add(key, label, exact(x, "1/s"), exact(y, "1/s"));
    const bool known = find_interval(a.intervals, key) && find_interval(b.intervals, key);
    if (!known) out.metrics.back().verdict = Verdict::kUnknown;
  };
  add_rate("output_tokens_per_s", "output tokens/s", a.output_tokens_per_s, b.output_tokens_per_s);
  add_rate("throughput_prompts_per_sec", "prompts/s", a.throughput_prompts_per_s,
           b.throughput_prompts_per_s);
}

/// Facts that must be equal for a comparison to mean something: {in words, where they are}.
struct Fact {
  const char* label;
  std::string (*value)(const Results&);
};

std::string setting(const Results& r, const char* section, const char* key) {
  if (!r.config.is_object() || !r.config.contains(section)) return "";
  return text_at(r.config[section], key);
}

std::string components_of(const Results& r) {
  std::string names;
  for (const auto& [component, energy] : r.measure.components) {
    if (!energy.gross.known()) continue;
    if (!names.empty()) names += " + ";
    names += std::string(to_string(component)) + " (" +
             std::string(to_string(energy.gross.source)) + ")";
  }
  return names.empty() ? "nothing" : names;
}

std::string gpus_of(const Results& r) {
  std::string names;
  for (const GpuStats& gpu : r.gpus) {
    if (!names.empty()) names += ", ";
    names += gpu.name;
  }
  return names;
}

bool asks_a_server(const Results& r) { return text_at(r.backend_info, "engine") == "server"; }

/// Where the model runs. A server's "device" is its endpoint, which says nothing of a device.
std::string device_of(const Results& r) {
  return asks_a_server(r) ? "" : text_at(r.backend_info, "device");
}

std::string endpoint_of(const Results& r) {
  return asks_a_server(r) ? text_at(r.backend_info, "device") : "";
}

/// "gpu1" of "http://gpu1:8000/v1"; empty on this machine.
std::string remote_host(const std::string& endpoint) {
  const size_t scheme = endpoint.find("://");
  if (scheme == std::string::npos) return "";  // a Unix socket
  const size_t begin = scheme + 3;
  const std::string authority = endpoint.substr(begin, endpoint.find('/', begin) - begin);
  const size_t colon = authority.rfind(':');
  const bool has_port =
      colon != std::string::npos && authority.find(']', colon) == std::string::npos;
  const std::string host = has_port ? authority.substr(0, colon) : authority;
  const bool loopback = host == "localhost" || host == "[::1]" || host.starts_with("127.");
  return loopback ? "" : host;
}

/// Nothing, or that the runs asked servers at two addresses.
void note_endpoints(Comparison& out, const Results& a, const Results& b) {
  const std::string in_a = endpoint_of(a);
  const std::string in_b = endpoint_of(b);
  if (in_a.empty() || in_b.empty() || in_a == in_b) return;
  out.notes.push_back("other endpoint: " + in_a + " against " + in_b +
                      "; whether the same machine and sensors were behind both is for you to know");
}

const Fact kFacts[] = {
    {"backend", [](const Results& r) { return r.backend; }},
    {"engine", [](const Results& r) { return r.engine; }},
    {"device", device_of},
    {"data type", [](const Results& r) { return text_at(r.backend_info, "dtype"); }},
    {"CPU", [](const Results& r) { return text_at(r.environment, "cpu_model"); }},
    {"GPUs", gpus_of},
    {"dataset", [](const Results& r) { return setting(r, "scenario", "dataset_name"); }},
    {"generation parameters",
     [](const Results& r) { return setting(r, "scenario", "generate_kwargs"); }},
    {"reasoning", [](const Results& r) { return setting(r, "scenario", "reasoning"); }},
    {"reasoning parameters",
     [](const Results& r) { return setting(r, "scenario", "reasoning_params"); }},
    {"batch size", [](const Results& r) { return setting(r, "scenario", "batch_size"); }},
    {"load", [](const Results& r) { return setting(r, "scenario", "load"); }},
    {"protocol", [](const Results& r) { return text_at(r.protocol, "name"); }},
    {"warm-up prompts", [](const Results& r) { return setting(r, "metrics", "warmup_prompts"); }},
    {"idle time, s", [](const Results& r) { return setting(r, "metrics", "idle_s"); }},
    {"repeats", [](const Results& r) { return text_at(r.protocol, "repeats"); }},
    {"number of prompts", [](const Results& r) { return std::to_string(r.total_prompts); }},
    {"measured components", components_of},
};

}  // namespace

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::kDifferent:
      return "larger than its uncertainty";
    case Verdict::kNotDistinguishable:
      return "not distinguishable";
    case Verdict::kUnknown:
      return "unknown";
  }
  return "unknown";
}

std::string_view to_string(Basis basis) {
  switch (basis) {
    case Basis::kMeasured:
      return "measured";
    case Basis::kPartlyEstimated:
      return "partly estimated";
    case Basis::kEstimated:
      return "estimated";
    case Basis::kUnknown:
      return "unknown";
  }
  return "unknown";
}

bool has_measurement(Basis basis) {
  return basis == Basis::kMeasured || basis == Basis::kPartlyEstimated;
}

Basis common_basis(Basis a, Basis b) {
  if (a == Basis::kUnknown || b == Basis::kUnknown) return Basis::kUnknown;
  return a == b ? a : Basis::kPartlyEstimated;
}

bool same_host(const Results& a, const Results& b) {
  const std::string host = text_at(a.environment, "host");
  return !host.empty() && host == text_at(b.environment, "host");
}

Quantity energy_difference(const WindowEnergy& a, double scale_a, const WindowEnergy& b,
                           double scale_b, const EnergyDifferenceOptions& options) {
  const Quantity in_a = a.total.gross.scaled(scale_a, options.unit);
  const Quantity in_b = b.total.gross.scaled(scale_b, options.unit);
  Quantity difference = compare_quantities("", "", in_a, in_b).difference;
  if (options.same_sensors && difference.known()) {
    difference.systematic = systematic_of_difference(a, scale_a, b, scale_b);
  }
  return difference;
}

Comparison compare(const Results& a, const Results& b) {
  Comparison out;
  out.same_sensors = same_host(a, b) && remote_host(endpoint_of(a)) == remote_host(endpoint_of(b));
  out.energy = common_basis(basis_of(a), basis_of(b));
  out.estimated = estimated_components(a, b);
  add_energy(out, a, b);
  add_performance(out, a, b);
  for (const Fact& fact : kFacts) {
    const std::string in_a = fact.value(a);
    const std::string in_b = fact.value(b);
    if (in_a == in_b) continue;
    out.not_comparable.push_back(std::string(fact.label) + ": " + (in_a.empty() ? "none" : in_a) +
                                 " against " + (in_b.empty() ? "none" : in_b));
  }
  note_endpoints(out, a, b);
  return out;
}

}  // namespace aieb
