#include "exporters/remote_meter.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <iterator>
#include <set>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <pthread.h>
#include <signal.h>

#include "core/clock.h"
#include "exporters/advice.h"
#include "exporters/gpu_choice.h"

namespace aieb::exporters {
namespace {

/// Whether a step of a counter is possible is for the analysis to judge, which knows how seldom
/// the exporter brings new values.
constexpr double kAnyPower = 1e12;
constexpr size_t kUpdatesKept = 16;
constexpr int64_t kLongestWait_ns = 30'000'000'000;
constexpr int64_t kWaitUnknown_ns = 2'000'000'000;

bool is_energy(const Rule& rule) { return rule.unit == "J" || rule.unit == "W"; }

/// Signals are for the main thread.
void block_signals() {
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

std::chrono::steady_clock::time_point time_point(int64_t t_ns) {
  return std::chrono::steady_clock::time_point(std::chrono::nanoseconds(t_ns));
}

}  // namespace

int DeviceNumbers::number_of(const std::string& source, Component component,
                             const std::string& device) {
  const auto [it, is_new] = numbers_.try_emplace({component, source + "\n" + device}, 0);
  if (is_new) it->second = next_[component]++;
  return it->second;
}

RemoteMeter::RemoteMeter(SourceSpec spec, std::vector<std::string> server_gpus,
                         DeviceNumbers& numbers)
    : spec_(std::move(spec)),
      server_gpus_(std::move(server_gpus)),
      numbers_(numbers),
      fetcher_(spec_.url, spec_.token_variable),
      reader_(make_reader(spec_)) {}

RemoteMeter::~RemoteMeter() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  fetcher_.stop();
}

Discovery RemoteMeter::discover() {
  if (!discovery_) {
    discovery_.emplace();
    try_first_read();
  }
  return *discovery_;
}

void RemoteMeter::miss(Component component, const std::string& reason, const std::string& fix) {
  discovery_->missing.push_back({component, spec_.name, reason, fix});
}

void RemoteMeter::try_first_read() {
  try {
    const SourceReadings found = reader_->read(fetcher_);
    choose_gpus(found);
    add_domains(found);
    describe_offer(found);
    if (discovery_->domains.empty() && discovery_->missing.empty()) {
      for (const Component component : components_of(spec_)) {
        miss(component,
             fmt::format("{} at {} has none of the metrics that were asked for",
                         to_string(spec_.type), spec_.url),
             what_to_offer(spec_));
      }
    }
    take(found);
  } catch (const SourceError& error) {
    for (const Component component : components_of(spec_)) {
      miss(component, fmt::format("the source '{}' cannot be read: {}", spec_.name, error.what()),
           how_to_reach(spec_));
    }
  }
}

/// GPUs that do not belong to the run are left out; where that cannot be decided, none are taken.
void RemoteMeter::choose_gpus(const SourceReadings& found) {
  std::vector<Device> gpus;
  for (const SourceReading& reading : found.readings) {
    const bool seen = std::any_of(gpus.begin(), gpus.end(),
                                  [&](const Device& gpu) { return gpu.key == reading.device.key; });
    if (reading.rule->component == Component::kGpu && !seen) gpus.push_back(reading.device);
  }
  const GpuChoice choice = choose(gpus, spec_, server_gpus_);
  left_out_ = choice.left_out;
  if (!choice.problem.empty()) miss(Component::kGpu, choice.problem, choice.fix);
  if (!choice.notice.empty()) log_.add("warning", {{"text", choice.notice}});
}

void RemoteMeter::add_domains(const SourceReadings& found) {
  // A device may offer several metrics for one thing; the first in the rules' order counts.
  std::vector<const SourceReading*> ordered;
  for (const SourceReading& reading : found.readings) ordered.push_back(&reading);
  std::stable_sort(ordered.begin(), ordered.end(),
                   [](const auto* a, const auto* b) { return std::less<>()(a->rule, b->rule); });
  for (const SourceReading* reading : ordered) {
    const Rule& rule = *reading->rule;
    const Device& device = reading->device;
    const bool left_out =
        rule.component == Component::kGpu &&
        std::find(left_out_.begin(), left_out_.end(), device.key) != left_out_.end();
    const std::pair id{DeviceId{rule.component, device.key}, rule.what};
    if (left_out || !domain_of_.try_emplace(id, discovery_->domains.size()).second) continue;
    Domain domain;
    domain.id = static_cast<int>(discovery_->domains.size());
    domain.meter = spec_.name;
    domain.component = rule.component;
    domain.index = numbers_.number_of(spec_.name, rule.component, device.key);
    domain.name = fmt::format("{}{}/{}", to_string(rule.component), domain.index, rule.what);
    domain.kind = rule.kind;
    domain.unit = rule.unit;
    domain.gain_uncertainty = rule.gain_uncertainty;
    domain.averaging_ns = rule.averaging_ns;
    domain.update_period_ns = nanoseconds(spec_.update_s.value_or(0));
    domain.note = in_words(device);
    half_sensor_period_ns_ = std::max(half_sensor_period_ns_, rule.sensor_period_ns / 2);
    series_.push_back({&rule, EnergyCounter(0, kAnyPower), {}, 0});
    discovery_->domains.push_back(std::move(domain));
  }
}

void RemoteMeter::describe_offer(const SourceReadings& found) {
  std::map<Component, std::set<std::string>> offered;
  for (const SourceReading& reading : found.readings) {
    if (is_energy(*reading.rule)) {
      offered[reading.rule->component].insert(in_words(reading.device));
    }
  }
  for (const auto& [component, devices] : offered) {
    offer_ += fmt::format("{}{} {}: {}", offer_.empty() ? "" : "; ", devices.size(),
                          to_string(component), fmt::join(devices, ", "));
  }
  Json update = spec_.update_s ? Json(*spec_.update_s) : Json();
  log_.add("exporter", {{"meter", spec_.name},
                        {"type", to_string(spec_.type)},
                        {"url", spec_.url},
                        {"offers", offer_},
                        {"asked_every_s", spec_.period_s},
                        {"update_s", std::move(update)},
                        {"if_too_coarse", how_to_refine(spec_)}});
}

void RemoteMeter::read(std::vector<Sample>& out) {
  const std::lock_guard lock(mutex_);
  if (!thread_.joinable() && !series_.empty() && !stopping_) {
    thread_ = std::jthread([this] { run(); });
  }
  out.insert(out.end(), pending_.begin(), pending_.end());
  pending_.clear();
}

std::vector<TraceEvent> RemoteMeter::take_events() {
  const std::lock_guard lock(mutex_);
  std::vector<TraceEvent> events = log_.take();
  events.insert(events.end(), std::make_move_iterator(late_events_.begin()),
                std::make_move_iterator(late_events_.end()));
  late_events_.clear();
  return events;
}

void RemoteMeter::run() {
  ::pthread_setname_np(::pthread_self(), "aieb-exporter");
  block_signals();
  const int64_t period_ns = nanoseconds(spec_.period_s);
  int64_t next_ns = now_ns();
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    next_ns += period_ns;
    if (next_ns < now_ns()) next_ns = now_ns();  // a slow exporter: no burst afterwards
    if (wake_.wait_until(lock, time_point(next_ns), [this] { return stopping_; })) return;
    lock.unlock();
    std::optional<SourceReadings> readings;
    std::string problem;
    try {
      readings = reader_->read(fetcher_);
    } catch (const SourceError& error) {
      problem = error.what();
    }
    lock.lock();
    if (readings) {
      log_.worked(spec_.name);
      take(*readings);
    } else if (!stopping_) {
      log_.failed(spec_.name, problem);
    }
    wake_.notify_all();
  }
}

void RemoteMeter::take(const SourceReadings& readings) {
  tell_clock(readings);
  for (const SourceReading& reading : readings.readings) take_sample(reading);
}

void RemoteMeter::take_sample(const SourceReading& reading) {
  const std::pair id{DeviceId{reading.rule->component, reading.device.key}, reading.rule->what};
  const auto it = domain_of_.find(id);
  if (it == domain_of_.end()) return;
  Series& series = series_[it->second];
  // The sensor renewed the value some time before the exporter took it.
  const int64_t t_ns = reading.t_ns - reading.rule->sensor_period_ns / 2;
  if (series.rule != reading.rule || t_ns <= series.last_t_ns) return;
  const bool changed = series.last_value && *series.last_value != reading.value;
  if (changed && is_energy(*series.rule)) {
    if (updates_ns_.empty() || updates_ns_.back() < t_ns) {
      updates_ns_.push_back(t_ns);
    }
    if (updates_ns_.size() > kUpdatesKept) updates_ns_.erase(updates_ns_.begin());
  }
  series.last_t_ns = t_ns;
  double value = reading.value;
  if (series.rule->kind == DomainKind::kCounter) {
    const EnergyCounter::Step step = series.counter.add(reading.value, t_ns);
    const std::string_view kind = event_kind(step);
    // Told at the time of the reading, which may have come late.
    if (!kind.empty()) {
      late_events_.push_back({t_ns,
                              std::string(kind),
                              {{"sensor", spec_.name + "/" + discovery_->domains[it->second].name},
                               {"wraps", series.counter.wraps()},
                               {"joules_so_far", series.counter.joules()}}});
    }
    value = series.counter.joules();
  }
  series.last_value = reading.value;
  pending_.push_back({static_cast<int>(it->second), t_ns, value});
}

/// Tells how well times are known: at first, and whenever that changes much.
void RemoteMeter::tell_clock(const SourceReadings& readings) {
  if (readings.clock_was_set) log_.add("clock_step", {{"meter", spec_.name}});
  const int64_t half_width_ns = readings.half_width_ns + half_sensor_period_ns_;
  const auto now = static_cast<double>(half_width_ns);
  const auto told = static_cast<double>(told_half_width_ns_);
  const bool changed = now > 1.3 * told || now < 0.7 * told;
  if (told_half_width_ns_ != 0 && !changed) return;
  told_half_width_ns_ = std::max<int64_t>(1, half_width_ns);
  log_.add("clock_offset", {{"meter", spec_.name},
                            {"offset_s", seconds(readings.offset_ns)},
                            {"half_width_s", seconds(half_width_ns)},
                            {"from", readings.clock_from}});
}

std::optional<int64_t> RemoteMeter::observed_update_ns() const {
  if (updates_ns_.size() < 2) return std::nullopt;
  std::vector<int64_t> gaps;
  for (size_t i = 1; i < updates_ns_.size(); ++i) {
    gaps.push_back(updates_ns_[i] - updates_ns_[i - 1]);
  }
  return *std::max_element(gaps.begin(), gaps.end());
}

void RemoteMeter::wait_for_update(int64_t t_ns, const std::stop_token& stop) {
  const std::stop_callback on_stop(stop, [this] { wake_.notify_all(); });
  std::unique_lock lock(mutex_);
  if (!thread_.joinable()) return;
  const int64_t period = observed_update_ns().value_or(kWaitUnknown_ns);
  const int64_t most =
      std::min(period + period / 2 + 2 * nanoseconds(spec_.period_s), kLongestWait_ns);
  wake_.wait_until(lock, time_point(now_ns() + most), [&] {
    return stop.stop_requested() || (!updates_ns_.empty() && updates_ns_.back() > t_ns);
  });
}

std::vector<Component> components_of(const SourceSpec& spec) {
  if (spec.type == SourceType::kTensorRtLlm) return {Component::kGpu};
  if (spec.type == SourceType::kZeus) return {Component::kGpu, Component::kCpu, Component::kDram};
  std::set<Component> found;
  for (const Rule& rule : spec.rules) {
    if (is_energy(rule)) found.insert(rule.component);
  }
  return {found.begin(), found.end()};
}

}  // namespace aieb::exporters
