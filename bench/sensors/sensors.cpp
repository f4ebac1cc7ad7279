// What reading this machine's sensors costs, and how they behave: the cost of each NVML call, how
// often counters and gauges change, the counter against integrated power, and the sampler's own
// cost. Prints one JSON document. Usage: bench_sensors [seconds, default 10]

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/json.h"
#include "meters/discover.h"
#include "meters/nvml_api.h"
#include "meters/observation.h"
#include "meters/sampler.h"

namespace {

using namespace aieb;

/// Counts what a sampler sends and drops it.
class CountingSink : public EventSink {
 public:
  void request_started(const RequestRecord&) override {}
  void tokens_arrived(int) override {}
  void request_finished(RequestRecord) override {}
  void phase_begin(const Phase&) override {}
  void phase_end(const Phase&) override {}
  void domain(const Domain&) override {}
  void samples(const std::vector<Sample>& samples) override { count_ += samples.size(); }
  void event(TraceEvent) override {}
  [[nodiscard]] size_t count() const { return count_; }

 private:
  std::atomic<size_t> count_ = 0;
};

/// Median and 99th percentile of one call, in microseconds.
Json call_cost(const std::function<bool()>& call, int repeats) {
  std::vector<double> microseconds;
  for (int i = 0; i < repeats; ++i) {
    const int64_t before = now_ns();
    if (!call()) return "not supported";
    microseconds.push_back(static_cast<double>(now_ns() - before) * 1e-3);
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
  }
  std::sort(microseconds.begin(), microseconds.end());
  return {{"median_us", microseconds[microseconds.size() / 2]},
          {"p99_us", microseconds[microseconds.size() * 99 / 100]}};
}

Json nvml_call_costs() {
  Nvml::Failure failure;
  const int64_t before = now_ns();
  const std::shared_ptr<Nvml> nvml = Nvml::open(failure);
  if (nvml == nullptr) return failure.message;
  Json costs{{"init_ms", static_cast<double>(now_ns() - before) * 1e-6}};
  const NvmlResult<nvml::Device> first = nvml->device(0);
  if (!first.value) return "no GPU";
  const nvml::Device d = *first.value;
  const Nvml& n = *nvml;
  const std::vector<std::pair<const char*, std::function<bool()>>> calls{
      {"total_energy", [&] { return n.energy_j(d).value.has_value(); }},
      {"field_power_instant",
       [&] { return n.field_power_w(d, nvml::kPowerInstant).value.has_value(); }},
      {"field_power_average",
       [&] { return n.field_power_w(d, nvml::kPowerAverage).value.has_value(); }},
      {"field_memory_power",
       [&] {
         return n.field_power_w(d, nvml::kPowerAverage, nvml::kScopeMemory).value.has_value();
       }},
      {"power_usage", [&] { return n.power_w(d).value.has_value(); }},
      {"utilization", [&] { return n.utilization(d).value.has_value(); }},
      {"memory", [&] { return n.memory(d).value.has_value(); }},
      {"temperature", [&] { return n.temperature_c(d).value.has_value(); }},
      {"sm_clock", [&] { return n.clock_mhz(d, nvml::kClockSm).value.has_value(); }},
      {"memory_clock", [&] { return n.clock_mhz(d, nvml::kClockMemory).value.has_value(); }},
      {"power_limit", [&] { return n.power_limit_w(d).value.has_value(); }},
      {"throttle_reasons", [&] { return n.throttle_reasons(d).value.has_value(); }},
      {"processes", [&] { return n.process_ids(d).value.has_value(); }},
  };
  for (const auto& [name, call] : calls) costs[name] = call_cost(call, 200);
  return costs;
}

template <typename T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json watch_sensors(double watch_s) {
  MeterOptions options;
  options.all_gpus = true;
  const MeterSet set = discover_meters(options);
  std::vector<Meter*> meters;
  for (const auto& meter : set.meters) meters.push_back(meter.get());
  Json result = Json::array();
  for (const Observation& o : observe(meters, nanoseconds(watch_s), 1'000'000)) {
    result.push_back({{"domain", o.domain.meter + "/" + o.domain.name},
                      {"reads", o.samples.size()},
                      {"mean_power_w", or_null(o.mean_power_w())},
                      {"update_period_s", or_null(o.update_period_s())}});
  }
  return result;
}

Json sampler_cost(double watch_s) {
  MeterOptions options;
  options.all_gpus = true;
  CountingSink sink;
  MeterSet set = discover_meters(options);
  const int64_t before = now_ns();
  Sampler sampler(std::move(set.meters), sink);
  sampler.start();
  const double start_ms = static_cast<double>(now_ns() - before) * 1e-6;
  std::vector<double> marks_ms;
  for (int i = 0; i < 5; ++i) {
    std::this_thread::sleep_for(std::chrono::nanoseconds(nanoseconds(watch_s / 5)));
    const int64_t mark_start = now_ns();
    if (i < 3) sampler.mark();
    if (i < 3) marks_ms.push_back(static_cast<double>(now_ns() - mark_start) * 1e-6);
  }
  sampler.stop();
  const SamplerCost cost = sampler.cost();
  return {{"start_ms", start_ms},
          {"mark_ms", marks_ms},
          {"samples", sink.count()},
          {"reads", cost.reads},
          {"own_share_percent", 100 * cost.own_share()},
          {"meters_share_percent", 100 * cost.meters_cpu_s / cost.wall_s},
          {"longest_read_ms", 1e3 * cost.longest_read_s}};
}

}  // namespace

int main(int argc, char** argv) {
  const double watch_s = argc > 1 ? std::atof(argv[1]) : 10;
  const Json report{{"nvml_calls", nvml_call_costs()},
                    {"sensors", watch_sensors(watch_s)},
                    {"sampler", sampler_cost(watch_s)}};
  std::printf("%s\n", report.dump(2).c_str());
  return 0;
}
