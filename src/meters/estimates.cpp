#include "meters/estimates.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <sstream>
#include <utility>

#include "core/clock.h"
#include "meters/cpu_tdp.h"
#include "meters/sysfs.h"

namespace aieb {
namespace {

constexpr double kWattsPerThread = 4;
constexpr double kUnknownCpuWatts = 85;
/// CodeCarbon's accuracy page compares this model with energy counters: −60 % to +190 %. The truth
/// is then 0.34 to 2.5 times the estimate, so ±150 % covers it.
constexpr double kCpuUncertainty = 1.5;
/// 1.5 W to 8 W a DIMM against 5 W, and a DIMM count that is a guess.
constexpr double kRamUncertainty = 1.0;
/// /proc/stat counts in ticks of 10 ms; a shorter interval says too little about the load.
constexpr int64_t kShortestInterval = 100'000'000;
/// Ticks of all CPUs together; of fewer, one busy tick would say too much.
constexpr uint64_t kFewestTicks = 5;
constexpr double kGibibyte = 1024.0 * 1024 * 1024;

struct CpuFacts {
  std::string model;
  int threads = 0;
  int sockets = 0;
};

CpuFacts read_cpuinfo(const std::string& proc_root) {
  CpuFacts facts;
  std::set<std::string> sockets;
  std::istringstream lines(read_file(proc_root + "/cpuinfo").text.value_or(""));
  for (std::string line; std::getline(lines, line);) {
    const size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    const std::string value = colon + 2 <= line.size() ? line.substr(colon + 2) : "";
    if (line.rfind("processor", 0) == 0) ++facts.threads;
    if (line.rfind("model name", 0) == 0) facts.model = value;
    if (line.rfind("physical id", 0) == 0) sockets.insert(value);
  }
  facts.sockets = std::max<int>(1, static_cast<int>(sockets.size()));
  return facts;
}

struct Tdp {
  double watts = 0;
  std::string basis;
};

Tdp choose_tdp(const CpuFacts& cpu, bool virtual_machine) {
  const double by_threads = kWattsPerThread * cpu.threads;
  const std::string threads = std::to_string(cpu.threads) + " threads at 4 W";
  if (cpu.threads == 0) return {kUnknownCpuWatts, "unknown CPU: 85 W"};
  const std::optional<double> table = cpu_tdp_w(cpu.model);
  if (!table) return {by_threads, "unknown model: " + threads};
  const double package = *table * cpu.sockets;
  if (virtual_machine && by_threads < package) return {by_threads, "virtual machine: " + threads};
  return {package, cpu.model + ": " + std::to_string(cpu.sockets) + " socket(s) at " +
                       std::to_string(static_cast<int>(*table)) + " W"};
}

}  // namespace

Domain estimate_domain(Component component, const std::string& name, double gain_uncertainty,
                       const std::string& model, const std::string& why) {
  Domain domain;
  domain.meter = "estimate";
  domain.component = component;
  domain.name = name;
  domain.kind = DomainKind::kEstimate;
  domain.unit = "W";
  domain.gain_uncertainty = gain_uncertainty;
  domain.note = why.empty() ? model : model + "; not measured: " + why;
  return domain;
}

ThreadPower thread_power(const std::string& proc_root) {
  const CpuFacts cpu = read_cpuinfo(proc_root);
  const Tdp tdp = choose_tdp(cpu, in_virtual_machine(proc_root));
  return {tdp.watts / std::max(1, cpu.threads), kCpuUncertainty, tdp.basis};
}

CpuEstimateMeter::CpuEstimateMeter(std::string proc_root, const std::string& why)
    : proc_root_(std::move(proc_root)) {
  const bool virtual_machine = in_virtual_machine(proc_root_);
  const Tdp tdp = choose_tdp(read_cpuinfo(proc_root_), virtual_machine);
  tdp_w_ = tdp.watts;
  last_ = read_ticks();
  last_ns_ = now_ns();
  if (!last_) {
    discovery_.missing.push_back({Component::kCpu, "estimate", "cannot read /proc/stat", ""});
    return;
  }
  std::string model = "load model, TDP " + tdp.basis;
  if (virtual_machine) model += "; the host's share is unknown";
  discovery_.domains.push_back(
      estimate_domain(Component::kCpu, "cpu", kCpuUncertainty, model, why));
}

/// The first line: user nice system idle iowait irq softirq steal (guest times are part of user).
std::optional<CpuEstimateMeter::Ticks> CpuEstimateMeter::read_ticks() const {
  const FileText stat = read_file(proc_root_ + "/stat");
  if (!stat.text) return std::nullopt;
  std::istringstream words(*stat.text);
  std::string label;
  std::array<uint64_t, 8> ticks{};
  if (!(words >> label) || label != "cpu") return std::nullopt;
  size_t known = 0;
  while (known < ticks.size() && words >> ticks.at(known)) ++known;
  if (known < 4) return std::nullopt;
  Ticks result;
  for (const uint64_t count : ticks) result.total += count;
  result.busy = result.total - ticks[3] - ticks[4];
  return result;
}

void CpuEstimateMeter::read(std::vector<Sample>& out) {
  const std::optional<Ticks> now = read_ticks();
  const int64_t t_ns = now_ns();
  if (!now || !last_) {
    log_.failed("estimate/cpu", "cannot read " + proc_root_ + "/stat");
    return;
  }
  log_.worked("estimate/cpu");
  const bool moved = now->total > last_->total && now->busy >= last_->busy;
  const bool long_enough =
      t_ns - last_ns_ >= kShortestInterval && now->total - last_->total >= kFewestTicks;
  if (moved && (!watts_ || long_enough)) {
    const double load = static_cast<double>(now->busy - last_->busy) /
                        static_cast<double>(now->total - last_->total);
    watts_ = tdp_w_ * (0.1 + 0.9 * load * load * load);
    last_ = now;
    last_ns_ = t_ns;
  }
  if (watts_) out.push_back({0, t_ns, *watts_});
}

double ram_power_w(double bytes, bool arm) {
  struct Size {
    double gib;
    int dimms;
  };
  constexpr std::array<Size, 4> kSizes{{{2, 1}, {16, 2}, {64, 4}, {128, 8}}};
  constexpr std::array<double, 6> kDimmSizes{128, 64, 32, 16, 8, 4};
  const double gib = bytes / kGibibyte;
  int dimms = 0;
  const auto size =
      std::find_if(kSizes.begin(), kSizes.end(), [&](const Size& s) { return gib <= s.gib; });
  if (size != kSizes.end()) {
    dimms = size->dimms;
  } else {
    const auto dimm =
        std::find_if(kDimmSizes.begin(), kDimmSizes.end(), [&](double d) { return d <= gib / 8; });
    dimms = std::min(32, static_cast<int>(std::ceil(gib / *dimm)));
  }
  const double watts_per_dimm = arm ? 1.5 : 5;
  double effective = 0;
  for (int i = 1; i <= dimms; ++i) {
    effective += i <= 4 ? 1.0 : i <= 8 ? 0.9 : i <= 16 ? 0.8 : 0.7;
  }
  return std::max(effective, 2.0) * watts_per_dimm;
}

RamEstimateMeter::RamEstimateMeter(const std::string& proc_root, const std::string& why) {
  std::istringstream words(read_file(proc_root + "/meminfo").text.value_or(""));
  std::string label;
  double kibibytes = 0;
  if (!(words >> label >> kibibytes) || label != "MemTotal:") {
    discovery_.missing.push_back({Component::kDram, "estimate", "cannot read /proc/meminfo", ""});
    return;
  }
#if defined(__aarch64__) || defined(__arm__)
  constexpr bool kArm = true;
#else
  constexpr bool kArm = false;
#endif
  watts_ = ram_power_w(kibibytes * 1024, kArm);
  discovery_.domains.push_back(estimate_domain(Component::kDram, "ram", kRamUncertainty,
                                               "constant power of a guessed number of DIMMs", why));
}

void RamEstimateMeter::read(std::vector<Sample>& out) {
  if (!discovery_.domains.empty()) out.push_back({0, now_ns(), watts_});
}

}  // namespace aieb
