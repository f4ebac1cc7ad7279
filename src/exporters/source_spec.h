#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/events.h"
#include "core/json.h"
#include "exporters/exposition.h"

namespace aieb::exporters {

/// How one metric of an exporter becomes domains of the trace: one for each device that its labels
/// name.
struct Rule {
  std::string metric;  ///< name; of an expression for the query API the expression itself
  bool expression = false;
  Component component = Component::kGpu;
  std::string what;  ///< energy, power, utilization …: last part of the domain's name
  DomainKind kind = DomainKind::kGauge;
  std::string unit;                        ///< of the domain: J, W, %, B, degC, MHz
  double scale = 1;                        ///< the domain's unit in the exporter's
  std::vector<Label> where;                ///< labels that a line must have
  std::vector<std::string> device_labels;  ///< labels that tell devices apart; empty: all of them
  double gain_uncertainty = 0;             ///< relative, k = 2
  int64_t averaging_ns = 0;                ///< see Domain
  /// The sensor itself renews its value this often, which the exporter's page does not show.
  int64_t sensor_period_ns = 0;
};

enum class SourceType { kDcgm, kPrometheusText, kPrometheus, kTensorRtLlm, kZeus };
std::string_view to_string(SourceType type);

/// One entry of `metrics.sources` (docs/meters.md, "Exporters").
struct SourceSpec {
  SourceType type = SourceType::kDcgm;
  std::string name;  ///< the meter of its domains; unique among the sources
  std::string url;
  double period_s = 0.1;           ///< time between two requests
  std::optional<double> update_s;  ///< time between new values, 0: at every request; else observed
  std::vector<std::string> gpus;   ///< indices or UUIDs; empty: all that it has
  std::vector<Label> where;        ///< labels that every line must have
  std::string token_variable;      ///< environment variable with a bearer token; empty: none
  std::vector<Rule> rules;         ///< empty for the types with a protocol of their own
};

/// How a server's own metrics page is read: the entry of type server_metrics.
struct ServerPageSpec {
  std::string url = "auto";  ///< auto | off | a URL
  double period_s = 1;
};
ServerPageSpec server_page_spec(const Json& sources);

/// Reads the exporters of `metrics.sources`. Throws ConfigError that names the entry, the key and
/// what it may be.
std::vector<SourceSpec> source_specs(const Json& sources);

/// How often NVIDIA's energy counter is renewed (docs/meters.md, "NVIDIA").
constexpr int64_t kGpuCounterPeriod_ns = 100'000'000;

/// Rules of a kind of exporter: dcgm, kepler, scaphandre, node_exporter, ipmi. Null if unknown.
const std::vector<Rule>* preset_rules(std::string_view name);
std::vector<std::string> preset_names();

}  // namespace aieb::exporters
