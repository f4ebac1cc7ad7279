#include "meters/gpu_meters.h"

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

Domain gpu_domain(const GpuSensors& gpu, const std::string& what, DomainKind kind,
                  const std::string& unit) {
  Domain domain;
  domain.meter = gpu.meter();
  domain.component = Component::kGpu;
  domain.index = gpu.index();
  domain.name = "gpu" + std::to_string(gpu.index()) + "/" + what;
  domain.kind = kind;
  domain.unit = unit;
  domain.note = gpu.name();
  return domain;
}

Domain measured_by_board(Domain domain, double resolution) {
  domain.resolution = resolution;
  domain.update_period_ns = kUpdatePeriod;
  domain.gain_uncertainty = kBoardGain;
  return domain;
}

int64_t middle(int64_t before_ns, int64_t after_ns) {
  return before_ns + (after_ns - before_ns) / 2;
}

std::optional<GpuPowerSource> first_that_works(const std::vector<GpuPowerSource>& sources) {
  const auto it = std::find_if(sources.begin(), sources.end(), [](const GpuPowerSource& source) {
    return source.read_w().value.has_value();
  });
  return it == sources.end() ? std::nullopt : std::optional(*it);
}

}  // namespace

GpuEnergyMeter::GpuEnergyMeter(std::shared_ptr<const GpuSensors> gpu)
    : gpu_(std::move(gpu)), counter_(gpu_->counter().value_or(GpuCounter{}).range_j, kMaxPower) {
  const std::optional<GpuCounter> counter = gpu_->counter();
  if (const std::string why = gpu_->why_no_counter(); !why.empty()) {
    log_.add("warning", {{"text", why}});
  }
  if (!counter) return;
  discovery_.domains.push_back(measured_by_board(
      gpu_domain(*gpu_, "energy", DomainKind::kCounter, "J"), counter->resolution_j));
}

void GpuEnergyMeter::read(std::vector<Sample>& out) {
  if (discovery_.domains.empty()) return;
  const std::string& label = discovery_.domains.front().name;
  const GpuReading energy = gpu_->energy_j();
  const int64_t t_ns = now_ns();  // a call that meets an update blocks until it is done
  if (!energy.value) {
    log_.failed(label, energy.error);
    return;
  }
  log_.worked(label);
  log_.counter_step(label, counter_.add(*energy.value, t_ns), counter_);
  out.push_back({0, t_ns, counter_.joules()});
}

GpuPowerMeter::GpuPowerMeter(const std::vector<std::shared_ptr<GpuSensors>>& gpus)
    : name_(gpus.empty() ? "gpu" : gpus.front()->meter()) {
  for (const std::shared_ptr<GpuSensors>& gpu : gpus) add_gpu(*gpu);
  for (const std::shared_ptr<GpuSensors>& gpu : gpus) add_module(*gpu);
}

void GpuPowerMeter::add_gpu(const GpuSensors& gpu) {
  const std::optional<GpuPowerSource> source = first_that_works(gpu.power_sources());
  if (!source) return;
  log_.add("gpu_power_source", {{"gpu", gpu.index()}, {"source", source->what}});
  add(gpu_domain(gpu, "power", DomainKind::kGauge, "W"), *source);
}

void GpuPowerMeter::add_module(const GpuSensors& gpu) {
  const std::optional<GpuPowerSource> source = first_that_works(gpu.module_power_sources());
  if (!source) return;
  const std::string name = "module" + std::to_string(gpu.module_index()) + "/power";
  const bool known = std::any_of(discovery_.domains.begin(), discovery_.domains.end(),
                                 [&](const Domain& domain) { return domain.name == name; });
  if (known) return;
  Domain domain = gpu_domain(gpu, "", DomainKind::kGauge, "W");
  domain.component = Component::kNode;
  domain.index = gpu.module_index();
  domain.name = name;
  domain.note = "the module with GPU, CPU and memory: a cross-check, not part of the total";
  add(std::move(domain), *source);
}

void GpuPowerMeter::add(Domain domain, const GpuPowerSource& source) {
  domain = measured_by_board(std::move(domain), source.resolution_w);
  domain.id = static_cast<int>(discovery_.domains.size());
  domain.averaging_ns = source.averaging_ns;
  sensors_.push_back({source, domain.name});
  discovery_.domains.push_back(std::move(domain));
}

void GpuPowerMeter::read(std::vector<Sample>& out) {
  for (size_t i = 0; i < sensors_.size(); ++i) {
    const int64_t before_ns = now_ns();
    const GpuReading power = sensors_[i].source.read_w();
    const int64_t t_ns = middle(before_ns, now_ns());
    if (!power.value) {
      log_.failed(sensors_[i].label, power.error);
      continue;
    }
    log_.worked(sensors_[i].label);
    out.push_back({static_cast<int>(i), t_ns, *power.value});
  }
}

GpuStateMeter::GpuStateMeter(std::shared_ptr<GpuSensors> gpu, std::vector<int> own_pids)
    : gpu_(std::move(gpu)), own_pids_(std::move(own_pids)) {
  own_pids_.push_back(static_cast<int>(::getpid()));
  for (GpuState& state : gpu_->states()) {
    if (!state.read().value) continue;
    Domain domain = gpu_domain(*gpu_, state.name, DomainKind::kGauge, state.unit);
    domain.id = static_cast<int>(discovery_.domains.size());
    readable_.push_back(std::move(state));
    labels_.push_back(domain.name);
    discovery_.domains.push_back(std::move(domain));
  }
  describe_gpu();
}

void GpuStateMeter::describe_gpu() {
  Json about{{"gpu", gpu_->index()}, {"name", gpu_->name()}};
  about.update(gpu_->about());
  log_.add("gpu", std::move(about));
  if (const std::string why = gpu_->why_not_split(); !why.empty()) {
    log_.add("mig", {{"gpu", gpu_->index()}, {"message", why}});
  }
}

void GpuStateMeter::read(std::vector<Sample>& out) {
  for (size_t i = 0; i < readable_.size(); ++i) {
    const GpuReading reading = readable_[i].read();
    if (reading.value) {
      log_.worked(labels_[i]);
      out.push_back({static_cast<int>(i), now_ns(), *reading.value});
    } else {
      log_.failed(labels_[i], reading.error);
    }
  }
  check_throttling();
  if (reads_++ % kReadsBetweenProcessChecks == 0) check_processes();
}

void GpuStateMeter::check_throttling() {
  std::optional<std::vector<std::string>> names = gpu_->throttled_by();
  if (!names || *names == throttled_by_) return;
  throttled_by_ = std::move(*names);
  log_.add("throttle", {{"gpu", gpu_->index()}, {"reasons", throttled_by_}});
}

void GpuStateMeter::check_processes() {
  std::vector<unsigned> pids = gpu_->processes();
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
  log_.add("gpu_shared", {{"gpu", gpu_->index()}, {"processes", std::move(processes)}});
}

}  // namespace aieb
