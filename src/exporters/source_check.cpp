#include "exporters/source_check.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "exporters/advice.h"
#include "exporters/remote_meter.h"
#include "meters/observation.h"

namespace aieb::exporters {
namespace {

constexpr int64_t kPause_ns = 50'000'000;
/// Windows of a run should hold many new values.
constexpr double kComfortable_s = 1;

/// The quickest sensor shows how often the page is new.
std::optional<double> update_period_s(const std::vector<Observation>& seen) {
  std::optional<double> best;
  for (const Observation& o : seen) {
    const auto period = o.update_period_s();
    if (period && (!best || *period < *best)) best = period;
  }
  return best;
}

double clock_half_width_s(RemoteMeter& meter) {
  double half_width = 0;
  for (const TraceEvent& event : meter.take_events()) {
    if (event.kind == "clock_offset") half_width = event.data.value("half_width_s", 0.0);
  }
  return half_width;
}

Check check_source(const SourceSpec& spec, DeviceNumbers& numbers, int64_t watch_ns) {
  Check check{"source " + spec.name, Check::ok, "", ""};
  RemoteMeter meter(spec, {}, numbers);
  const Discovery found = meter.discover();
  for (const MissingComponent& missing : found.missing) {
    check.state = Check::fail;
    check.detail = missing.reason;
    check.fix = missing.fix;
  }
  if (found.domains.empty()) return check;
  const std::vector<Observation> seen = observe({&meter}, watch_ns, kPause_ns);
  if (!check.detail.empty()) check.detail += "; ";
  check.detail += fmt::format("{} at {}: {}", to_string(spec.type), spec.url, meter.offer());
  const auto period = update_period_s(seen);
  if (period) {
    check.detail += fmt::format("; a new value every {:.2g} s", *period);
  } else {
    check.detail +=
        fmt::format("; no new value within {:.2g} s", static_cast<double>(watch_ns) * 1e-9);
  }
  check.detail += fmt::format(", times known to ±{:.2g} ms", 1e3 * clock_half_width_s(meter));
  if (check.state == Check::ok && (!period || *period > kComfortable_s)) {
    check.state = Check::warn;
    check.fix = how_to_refine(spec);
  }
  return check;
}

}  // namespace

std::vector<Check> check_sources(const std::vector<SourceSpec>& specs, int64_t watch_ns) {
  std::vector<Check> checks;
  DeviceNumbers numbers;
  for (const SourceSpec& spec : specs) checks.push_back(check_source(spec, numbers, watch_ns));
  return checks;
}

}  // namespace aieb::exporters
