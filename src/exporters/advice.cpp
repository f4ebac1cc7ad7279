#include "exporters/advice.h"

#include <fmt/format.h>

namespace aieb::exporters {
namespace {

/// What one kind of source is started with.
struct Advice {
  const char* reach;
  const char* offer;
  const char* refine;
};

const Advice& advice_for(SourceType type) {
  static constexpr Advice kDcgm{
      "start dcgm-exporter on the server's host (its port is 9400) and let this machine reach it",
      "list DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION and DCGM_FI_DEV_POWER_USAGE in its counters file "
      "(option -f)",
      "start dcgm-exporter with DCGM_EXPORTER_INTERVAL=100 (ms; its default is 30000)"};
  static constexpr Advice kText{"start the exporter and let this machine reach it",
                                "compare the names in metrics with what its page shows",
                                "let the exporter measure more often"};
  static constexpr Advice kPrometheus{
      "check that this is the address of a Prometheus server (its port is 9090)",
      "look the metrics up in its expression browser, and check labels",
      "lower scrape_interval of this exporter's job in prometheus.yml, or name the exporter itself "
      "as a source (type dcgm or prometheus_text)"};
  static constexpr Advice kTensorRtLlm{
      "start trtllm-serve with enable_energy_metrics: true in its --config file, and name its "
      "address in url",
      "start trtllm-serve with enable_energy_metrics: true in its --config file",
      "the server reads its GPUs at every request: lower period_s of this source"};
  static constexpr Advice kZeus{
      "start zeusd on the server's host with --mode tcp (its port is 4938), or name its socket as "
      "unix:/run/zeusd/zeusd.sock",
      "start zeusd with the API groups gpu-read and cpu-read",
      "the daemon reads its counters at every request: lower period_s of this source"};
  switch (type) {
    case SourceType::kDcgm:
      return kDcgm;
    case SourceType::kPrometheusText:
      return kText;
    case SourceType::kPrometheus:
      return kPrometheus;
    case SourceType::kTensorRtLlm:
      return kTensorRtLlm;
    case SourceType::kZeus:
      return kZeus;
  }
  return kText;
}

}  // namespace

std::string how_to_reach(const SourceSpec& spec) { return advice_for(spec.type).reach; }
std::string what_to_offer(const SourceSpec& spec) { return advice_for(spec.type).offer; }
std::string how_to_refine(const SourceSpec& spec) { return advice_for(spec.type).refine; }

std::string source_lines(const std::string& host) {
  return fmt::format(
      "metrics:\n"
      "  sources:\n"
      "    - {{type: dcgm, url: \"http://{}:9400\"}}      # dcgm-exporter on the server's host",
      host);
}

}  // namespace aieb::exporters
