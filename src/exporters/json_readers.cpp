#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "core/clock.h"
#include "core/json.h"
#include "exporters/source_reader.h"

namespace aieb::exporters {
namespace {

constexpr double kMilli = 1e-3;
constexpr double kMicro = 1e-6;
constexpr const char* kRoundTrip = "half of the time that a request takes";

Rule energy_rule(const char* metric, Component component, double scale, double gain) {
  Rule rule;
  rule.metric = metric;
  rule.component = component;
  rule.what = "energy";
  rule.kind = DomainKind::kCounter;
  rule.unit = "J";
  rule.scale = scale;
  rule.gain_uncertainty = gain;
  if (component == Component::kGpu) rule.sensor_period_ns = kGpuCounterPeriod_ns;
  return rule;
}

Json json_of(const Page& page, const char* what) {
  Json json = Json::parse(page.body, nullptr, false);
  if (!json.is_object()) throw SourceError(fmt::format("{} is not a JSON object", what));
  return json;
}

/// `/energy_metrics` of trtllm-serve (enable_energy_metrics: true): {"total_energy_j": energy of
/// the GPUs of the server since it started, "query_time": seconds of its own monotonic clock right
/// after they were read}.
class TensorRtLlmReader final : public SourceReader {
 public:
  SourceReadings read(PageFetcher& fetcher) override {
    const Page page = fetcher.get(fetcher.page_or("/energy_metrics"));
    const Json json = json_of(page, "/energy_metrics");
    const Json energy = json.value("total_energy_j", Json());
    if (!energy.is_number()) throw SourceError("/energy_metrics has no number total_energy_j");
    SourceReadings out;
    // The counters were read after the request left and before the clock was.
    int64_t latest = page.received_ns;
    const Json time = json.value("query_time", Json());
    if (time.is_number()) {
      const auto read_ns = static_cast<int64_t>(time.get<double>() * 1e9);
      out.clock_was_set = !offset_.add(page.sent_ns, page.received_ns, read_ns, read_ns);
      const auto estimate = offset_.estimate();
      out.offset_ns = estimate->offset_ns;
      latest = std::clamp(read_ns - estimate->offset_ns + estimate->half_width_ns, page.sent_ns,
                          page.received_ns);
    }
    out.half_width_ns = (latest - page.sent_ns) / 2;
    out.clock_from = kRoundTrip;
    Device device;
    device.key = "server";
    device.model = "all GPUs of the server";
    out.readings.push_back(
        {&rule_, std::move(device), page.sent_ns + out.half_width_ns, energy.get<double>()});
    return out;
  }

 private:
  Rule rule_ = energy_rule("total_energy_j", Component::kGpu, 1, 0.05);
  ClockOffset offset_;
};

/// The zeus daemon (zeusd): GPU counters, RAPL of packages and memory.
class ZeusReader final : public SourceReader {
 public:
  SourceReadings read(PageFetcher& fetcher) override {
    if (!discovered_) discover(fetcher);
    SourceReadings out;
    out.clock_from = kRoundTrip;
    if (has_gpus_) {
      read_counters(fetcher, "/gpu/get_cumulative_energy", {{"energy_mj", &gpu_}}, out);
    }
    if (has_cpus_) {
      read_counters(fetcher, fmt::format("/cpu/get_cumulative_energy?cpu=true&dram={}", has_dram_),
                    {{"cpu_energy_uj", &cpu_}, {"dram_energy_uj", &dram_}}, out);
    }
    return out;
  }

 private:
  using Fields = std::vector<std::pair<const char*, const Rule*>>;

  void discover(PageFetcher& fetcher) {
    const Json json = json_of(fetcher.get("/discover"), "/discover");
    for (const Json& gpu : json.value("gpus", Json::array())) {
      if (!gpu.value("cumulative_energy_available", true)) continue;
      has_gpus_ = true;
      models_[std::to_string(gpu.value("id", 0))] = gpu.value("name", "");
    }
    for (const Json& cpu : json.value("cpus", Json::array())) {
      has_cpus_ = true;
      has_dram_ = has_dram_ || cpu.value("dram_available", false);
    }
    const Json groups = json.value("enabled_api_groups", Json::array());
    const auto allowed = [&groups](const char* name) {
      return groups.empty() || std::find(groups.begin(), groups.end(), Json(name)) != groups.end();
    };
    has_gpus_ = has_gpus_ && allowed("gpu-read");
    has_cpus_ = has_cpus_ && allowed("cpu-read");
    if (!has_gpus_ && !has_cpus_) {
      throw SourceError(
          "the daemon offers no energy counter: start zeusd with the API groups gpu-read and "
          "cpu-read");
    }
    discovered_ = true;
  }

  void read_counters(PageFetcher& fetcher, const std::string& path, const Fields& fields,
                     SourceReadings& out) {
    const Page page = fetcher.get(path);
    out.half_width_ns = std::max(out.half_width_ns, page.half_width_ns());
    const Json json = json_of(page, path.c_str());
    for (const auto& [id, values] : json.items()) {
      for (const auto& [field, rule] : fields) {
        const Json value = values.is_object() ? values.value(field, Json()) : Json();
        if (!value.is_number()) continue;
        Device device;
        device.key = id;
        if (rule == &gpu_) {
          device.gpu = id;
          device.model = models_[id];
        }
        out.readings.push_back(
            {rule, std::move(device), page.middle_ns(), value.get<double>() * rule->scale});
      }
    }
  }

  Rule gpu_ = energy_rule("energy_mj", Component::kGpu, kMilli, 0.05);
  Rule cpu_ = energy_rule("cpu_energy_uj", Component::kCpu, kMicro, 0.05);
  Rule dram_ = energy_rule("dram_energy_uj", Component::kDram, kMicro, 0.2);
  std::map<std::string, std::string> models_;
  bool discovered_ = false;
  bool has_gpus_ = false;
  bool has_cpus_ = false;
  bool has_dram_ = false;
};

}  // namespace

std::unique_ptr<SourceReader> make_tensorrt_llm_reader() {
  return std::make_unique<TensorRtLlmReader>();
}

std::unique_ptr<SourceReader> make_zeus_reader() { return std::make_unique<ZeusReader>(); }

}  // namespace aieb::exporters
