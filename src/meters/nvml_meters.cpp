#include "meters/nvml_meters.h"

#include <algorithm>
#include <utility>

#include <unistd.h>

#include "core/clock.h"
#include "meters/sysfs.h"

namespace aieb {
namespace {

/// Board sensors are off by a gain that differs between boards of one model, about ±5 %
/// (docs/meters.md, "NVIDIA").
constexpr double kBoardGain = 0.05;
constexpr int64_t kUpdatePeriod = 100'000'000;
/// More than any GPU module draws (GB200: 2.7 kW).
constexpr double kMaxPower = 5000;
constexpr int64_t kReadsBetweenProcessChecks = 20;

Domain gpu_domain(const NvmlGpu& gpu, const std::string& what, DomainKind kind,
                  const std::string& unit) {
  Domain domain;
  domain.meter = "nvml";
  domain.component = Component::kGpu;
  domain.index = gpu.index;
  domain.name = "gpu" + std::to_string(gpu.index) + "/" + what;
  domain.kind = kind;
  domain.unit = unit;
  domain.note = gpu.name;
  return domain;
}

Domain energy_domain(const NvmlGpu& gpu, const std::string& what, DomainKind kind,
                     const std::string& unit) {
  Domain domain = gpu_domain(gpu, what, kind, unit);
  domain.resolution = 1e-3;
  domain.update_period_ns = kUpdatePeriod;
  domain.gain_uncertainty = kBoardGain;
  return domain;
}

int64_t middle(int64_t before_ns, int64_t after_ns) {
  return before_ns + (after_ns - before_ns) / 2;
}

}  // namespace

NvmlEnergyMeter::NvmlEnergyMeter(std::shared_ptr<const Nvml> nvml, NvmlGpu gpu)
    : nvml_(std::move(nvml)), gpu_(std::move(gpu)), counter_(0, kMaxPower) {
  if (nvml_->energy_j(gpu_.device).value) {
    discovery_.domains.push_back(energy_domain(gpu_, "energy", DomainKind::kCounter, "J"));
  }
}

void NvmlEnergyMeter::read(std::vector<Sample>& out) {
  if (discovery_.domains.empty()) return;
  const std::string& label = discovery_.domains.front().name;
  const NvmlResult<double> energy = nvml_->energy_j(gpu_.device);
  const int64_t t_ns = now_ns();  // a call that meets an update blocks until it is done
  if (!energy.value) {
    log_.failed(label, nvml_->error_text(energy.code));
    return;
  }
  log_.worked(label);
  log_.counter_step(label, counter_.add(*energy.value, t_ns), counter_);
  out.push_back({0, t_ns, counter_.joules()});
}

const std::vector<NvmlPowerMeter::Source>& NvmlPowerMeter::sources() {
  static const std::vector<Source> kSources{
      {[](const Nvml& n, nvml::Device d) { return n.field_power_w(d, nvml::kPowerInstant); },
       "power.instant", 0},
      {[](const Nvml& n, nvml::Device d) { return n.field_power_w(d, nvml::kPowerAverage); },
       "power.average", 1'000'000'000},
      {[](const Nvml& n, nvml::Device d) { return n.power_w(d); }, "power.usage", 0},
  };
  return kSources;
}

NvmlPowerMeter::NvmlPowerMeter(std::shared_ptr<const Nvml> nvml, const std::vector<NvmlGpu>& gpus)
    : nvml_(std::move(nvml)) {
  for (const NvmlGpu& gpu : gpus) {
    const auto works = [&](const Source& source) {
      return source.read(*nvml_, gpu.device).value.has_value();
    };
    const auto source = std::find_if(sources().begin(), sources().end(), works);
    if (source == sources().end()) continue;
    Domain domain = energy_domain(gpu, "power", DomainKind::kGauge, "W");
    domain.id = static_cast<int>(discovery_.domains.size());
    domain.averaging_ns = source->averaging_ns;
    sensors_.push_back({gpu.device, source->read, domain.name});
    log_.add("gpu_power_source", {{"gpu", gpu.index}, {"source", source->what}});
    discovery_.domains.push_back(std::move(domain));
  }
}

void NvmlPowerMeter::read(std::vector<Sample>& out) {
  for (size_t i = 0; i < sensors_.size(); ++i) {
    const Sensor& sensor = sensors_[i];
    const int64_t before_ns = now_ns();
    const NvmlResult<double> power = sensor.read(*nvml_, sensor.device);
    const int64_t t_ns = middle(before_ns, now_ns());
    if (!power.value) {
      log_.failed(sensor.label, nvml_->error_text(power.code));
      continue;
    }
    log_.worked(sensor.label);
    out.push_back({static_cast<int>(i), t_ns, *power.value});
  }
}

/// One row a quantity; memory_total is beside memory_used so that a report needs no other source.
struct NvmlStateMeter::Row {
  const char* name;
  const char* unit;
  NvmlResult<double> (*read)(const Nvml&, nvml::Device);
};

namespace {

template <typename T, typename Select>
NvmlResult<double> select(const NvmlResult<T>& result, Select part) {
  if (!result.value) return {std::nullopt, result.code};
  return {static_cast<double>(part(*result.value)), result.code};
}

constexpr auto kSame = [](auto value) { return value; };

}  // namespace

const std::vector<NvmlStateMeter::Row>& NvmlStateMeter::rows() {
  using nvml::Device;
  using nvml::MemoryInfo;
  static const std::vector<Row> kRows{
      {"utilization", "%",
       [](const Nvml& n, Device d) {
         return select(n.utilization(d), [](const nvml::Utilization& u) { return u.gpu; });
       }},
      {"memory_used", "B",
       [](const Nvml& n, Device d) {
         return select(n.memory(d), [](const MemoryInfo& m) { return m.used; });
       }},
      {"memory_total", "B",
       [](const Nvml& n, Device d) {
         return select(n.memory(d), [](const MemoryInfo& m) { return m.total; });
       }},
      {"temperature", "degC",
       [](const Nvml& n, Device d) { return select(n.temperature_c(d), kSame); }},
      {"sm_clock", "MHz", [](const Nvml& n, Device d) { return select(n.sm_clock_mhz(d), kSame); }},
  };
  return kRows;
}

NvmlStateMeter::NvmlStateMeter(std::shared_ptr<const Nvml> nvml, NvmlGpu gpu,
                               std::vector<int> own_pids)
    : nvml_(std::move(nvml)), gpu_(std::move(gpu)), own_pids_(std::move(own_pids)) {
  own_pids_.push_back(static_cast<int>(::getpid()));
  for (const Row& row : rows()) {
    if (!row.read(*nvml_, gpu_.device).value) continue;
    Domain domain = gpu_domain(gpu_, row.name, DomainKind::kGauge, row.unit);
    domain.id = static_cast<int>(discovery_.domains.size());
    readable_.push_back(&row);
    labels_.push_back(domain.name);
    discovery_.domains.push_back(std::move(domain));
  }
  describe_gpu();
}

void NvmlStateMeter::describe_gpu() {
  Json about{{"gpu", gpu_.index}, {"name", gpu_.name}};
  about["uuid"] = nvml_->uuid(gpu_.device).value.value_or("");
  about["driver"] = nvml_->driver_version().value.value_or("");
  if (const auto limit = nvml_->power_limit_w(gpu_.device); limit.value) {
    about["power_limit_w"] = *limit.value;
  }
  log_.add("gpu", std::move(about));
  if (nvml_->mig_enabled(gpu_.device).value.value_or(false)) {
    log_.add("mig", {{"gpu", gpu_.index},
                     {"message",
                      "the GPU is split into MIG instances: power and energy are those "
                      "of the whole GPU and cannot be split between them"}});
  }
}

void NvmlStateMeter::read(std::vector<Sample>& out) {
  for (size_t i = 0; i < readable_.size(); ++i) {
    const NvmlResult<double> result = readable_[i]->read(*nvml_, gpu_.device);
    if (result.value) {
      log_.worked(labels_[i]);
      out.push_back({static_cast<int>(i), now_ns(), *result.value});
    } else {
      log_.failed(labels_[i], nvml_->error_text(result.code));
    }
  }
  check_throttling();
  if (reads_++ % kReadsBetweenProcessChecks == 0) check_processes();
}

void NvmlStateMeter::check_throttling() {
  const NvmlResult<uint64_t> reasons = nvml_->throttle_reasons(gpu_.device);
  if (!reasons.value) return;
  std::vector<std::string> names = throttle_names(*reasons.value);
  if (names == throttled_by_) return;
  throttled_by_ = std::move(names);
  log_.add("throttle", {{"gpu", gpu_.index}, {"reasons", throttled_by_}});
}

void NvmlStateMeter::check_processes() {
  auto pids = nvml_->process_ids(gpu_.device).value.value_or(std::vector<unsigned>{});
  std::erase_if(pids, [&](unsigned pid) {
    return std::find(own_pids_.begin(), own_pids_.end(), static_cast<int>(pid)) != own_pids_.end();
  });
  std::sort(pids.begin(), pids.end());
  if (pids == others_) return;
  others_ = std::move(pids);
  Json processes = Json::array();
  for (const unsigned pid : others_) {
    const FileText command = read_file("/proc/" + std::to_string(pid) + "/comm");
    processes.push_back({{"pid", pid}, {"name", command.text.value_or("")}});
  }
  log_.add("gpu_shared", {{"gpu", gpu_.index}, {"processes", std::move(processes)}});
}

OpenedGpus open_gpus(const Nvml& nvml, const std::vector<int>& indices, bool all) {
  OpenedGpus opened;
  std::vector<int> wanted = indices;
  if (all) {
    wanted.clear();
    const unsigned count = nvml.device_count().value.value_or(0);
    for (unsigned i = 0; i < count; ++i) wanted.push_back(static_cast<int>(i));
  }
  for (const int index : wanted) {
    const auto device = nvml.device(static_cast<unsigned>(index));
    if (device.value) {
      opened.gpus.push_back({index, *device.value, nvml.name(*device.value).value.value_or("")});
      continue;
    }
    const bool denied = device.code == nvml::kNoPermission;
    opened.missing.push_back(
        {Component::kGpu, "nvml",
         "GPU " + std::to_string(index) + ": " + nvml.error_text(device.code),
         denied ? "give this user access to /dev/nvidia" + std::to_string(index) : ""});
  }
  return opened;
}

}  // namespace aieb
