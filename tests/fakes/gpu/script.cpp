#include "fakes/gpu/script.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <limits>
#include <sstream>
#include <stdexcept>

namespace fake_gpu {
namespace {

constexpr int kGpuIsLost = 15;
constexpr int kNotSupported = 3;
constexpr double kForever = std::numeric_limits<double>::infinity();

template <typename T>
T next(std::istream& words) {
  T value{};
  if (!(words >> value)) throw std::runtime_error("a value is missing or of the wrong type");
  return value;
}

void fail_always(Gpu& gpu, const std::string& call, double from_s, int code) {
  gpu.faults[call].push_back({from_s, kForever, code});
}

using GpuStatement = std::function<void(Gpu&, std::istream&)>;

GpuStatement number(double Gpu::* member, double factor = 1) {
  return [member, factor](Gpu& gpu, std::istream& words) {
    gpu.*member = next<double>(words) * factor;
  };
}

void add_fault(Gpu& gpu, std::istream& words) {
  const auto call = next<std::string>(words);
  Fault fault{next<double>(words), kForever, next<int>(words)};
  if (double until = 0; words >> until) fault.until_s = until;
  gpu.faults[call].push_back(fault);
}

void add_temperature(Gpu& gpu, std::istream& words) {
  const auto first = next<double>(words);
  double value = 0;
  if (words >> value) {
    gpu.temperature.push_back({first, value});
  } else {
    gpu.temperature = {{0, first}};
  }
}

const std::map<std::string, GpuStatement>& gpu_statements() {
  static const std::map<std::string, GpuStatement> kStatements{
      {"name", [](Gpu& g, std::istream& w) { std::getline(w >> std::ws, g.name); }},
      {"power",
       [](Gpu& g, std::istream& w) {
         const auto from_s = next<double>(w);
         if (from_s == 0) g.power_w.clear();
         g.power_w.push_back({from_s, next<double>(w)});
       }},
      {"throttle",
       [](Gpu& g, std::istream& w) {
         const auto from_s = next<double>(w);
         g.throttle.push_back({from_s, next<double>(w)});
       }},
      {"reset", [](Gpu& g, std::istream& w) { g.resets_s.push_back(next<double>(w)); }},
      {"lost", [](Gpu& g, std::istream& w) { fail_always(g, "*", next<double>(w), kGpuIsLost); }},
      {"pid", [](Gpu& g, std::istream& w) { g.pids.push_back(next<unsigned>(w)); }},
      {"mig",
       [](Gpu& g, std::istream& w) {
         g.mig = true;
         for (std::string instance; w >> instance;) g.mig_instances.push_back(instance);
       }},
      {"no_counter", [](Gpu& g, std::istream&) { fail_always(g, "energy", 0, kNotSupported); }},
      {"no_fields", [](Gpu& g, std::istream&) { fail_always(g, "field", 0, kNotSupported); }},
      {"fail", add_fault},
      {"cost",
       [](Gpu& g, std::istream& w) {
         const auto call = next<std::string>(w);
         g.cost_ms[call] = next<double>(w);
       }},
      {"period", number(&Gpu::period_s, 1e-3)},
      {"utilization", number(&Gpu::utilization)},
      {"temperature", add_temperature},
      {"sm_clock", number(&Gpu::sm_clock)},
      {"memory_used", number(&Gpu::memory_used)},
      {"memory_power", number(&Gpu::memory_power_w)},
      {"module_power", number(&Gpu::module_power_w)},
      {"bus_id", [](Gpu& g, std::istream& w) { g.bus_id = next<std::string>(w); }},
      {"start_mj", number(&Gpu::start_mj)},
      {"microjoules_per_count", number(&Gpu::microjoules_per_count)},
      {"counts_wrap", number(&Gpu::counts_wrap)},
      {"counter_gain", number(&Gpu::counter_gain)},
      {"average_power_only", [](Gpu& g, std::istream&) { g.has_current_power = false; }},
      {"partition", [](Gpu& g, std::istream& w) { g.partition = next<std::string>(w); }},
  };
  return kStatements;
}

void apply(Script& script, const std::string& word, std::istream& words) {
  if (word == "driver") {
    script.driver = next<std::string>(words);
  } else if (word == "cuda") {
    script.cuda = next<int>(words);
  } else if (word == "init_error") {
    script.init_code = next<int>(words);
  } else if (word == "library_version") {
    script.library_version = next<unsigned>(words);
  } else if (word == "gpus") {
    script.gpus.resize(next<size_t>(words));
  } else if (word == "gpu") {
    const auto index = next<size_t>(words);
    if (script.gpus.size() <= index) script.gpus.resize(index + 1);
    gpu_statements().at(next<std::string>(words))(script.gpus[index], words);
  } else {
    throw std::runtime_error("unknown statement");
  }
}

/// Joules of the power steps over [0, t].
double integral(const std::vector<Step>& steps, double t_s) {
  double joules = 0;
  for (size_t i = 0; i < steps.size(); ++i) {
    const double end = i + 1 < steps.size() ? steps[i + 1].from_s : kForever;
    joules += steps[i].value * std::max(0.0, std::min(t_s, end) - steps[i].from_s);
  }
  return joules;
}

}  // namespace

Script read_script(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read the script " + path);
  Script script;
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    std::istringstream words(line.substr(0, line.find('#')));
    std::string word;
    if (!(words >> word)) continue;
    try {
      apply(script, word, words);
    } catch (const std::exception& error) {
      throw std::runtime_error(path + ":" + std::to_string(number) + ": " + error.what() + ": " +
                               line);
    }
  }
  return script;
}

double value_at(const std::vector<Step>& steps, double t_s, double otherwise) {
  double value = otherwise;
  for (const Step& step : steps) {
    if (step.from_s <= t_s) value = step.value;
  }
  return value;
}

uint64_t energy_mj(const Gpu& gpu, double t_s) {
  const auto updated = [&](double t) {
    return gpu.period_s > 0 ? std::floor(t / gpu.period_s) * gpu.period_s : t;
  };
  double mj = gpu.start_mj;
  double since = 0;
  for (const double reset : gpu.resets_s) {
    if (reset <= t_s && reset >= since) {
      since = reset;
      mj = 0;
    }
  }
  mj +=
      1000 * (integral(gpu.power_w, std::max(since, updated(t_s))) - integral(gpu.power_w, since));
  return static_cast<uint64_t>(mj);
}

int fault_at(const Gpu& gpu, const std::string& call, double t_s) {
  for (const std::string& key : {call, std::string("*")}) {
    const auto it = gpu.faults.find(key);
    if (it == gpu.faults.end()) continue;
    for (const Fault& fault : it->second) {
      if (fault.from_s <= t_s && t_s < fault.until_s) return fault.code;
    }
  }
  return 0;
}

}  // namespace fake_gpu
