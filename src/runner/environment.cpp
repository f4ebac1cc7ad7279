#include "runner/environment.h"

#include <array>
#include <fstream>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include <sys/utsname.h>
#include <unistd.h>

#include "core/version.h"

namespace aieb {
namespace {

Json first_line(const char* path) {
  std::ifstream in(path);
  std::string line;
  return std::getline(in, line) && !line.empty() ? Json(line) : Json(nullptr);
}

/// "key<separator>value" files such as /proc/cpuinfo; the value without blanks and quotes.
std::optional<std::pair<std::string, std::string>> split(const std::string& line, char separator) {
  const auto at = line.find(separator);
  if (at == std::string::npos) return std::nullopt;
  const auto trim = [](std::string s) {
    const auto first = s.find_first_not_of(" \t\"");
    const auto last = s.find_last_not_of(" \t\"");
    return first == std::string::npos ? std::string() : s.substr(first, last - first + 1);
  };
  return std::pair{trim(line.substr(0, at)), trim(line.substr(at + 1))};
}

struct CpuFacts {
  Json model;
  std::set<std::string> sockets;
  std::set<std::pair<std::string, std::string>> cores;  ///< (socket, core)
  bool hypervisor = false;
};

CpuFacts read_cpuinfo() {
  CpuFacts facts;
  std::ifstream in("/proc/cpuinfo");
  std::string socket;
  for (std::string line; std::getline(in, line);) {
    const auto pair = split(line, ':');
    if (!pair) continue;
    const auto& [key, value] = *pair;
    if (key == "model name" && facts.model.is_null()) facts.model = value;
    if (key == "physical id") facts.sockets.insert(socket = value);
    if (key == "core id") facts.cores.emplace(socket, value);
    if (key == "flags") facts.hypervisor = value.find("hypervisor") != std::string::npos;
  }
  return facts;
}

Json count_or_null(size_t n) { return n == 0 ? Json(nullptr) : Json(n); }

Json os_name() {
  std::ifstream in("/etc/os-release");
  for (std::string line; std::getline(in, line);) {
    const auto pair = split(line, '=');
    if (pair && pair->first == "PRETTY_NAME") return pair->second;
  }
  return nullptr;
}

}  // namespace

Json host_environment() {
  utsname names{};
  uname(&names);
  const CpuFacts cpu = read_cpuinfo();
  const long pages = sysconf(_SC_PHYS_PAGES);
  const long page_size = sysconf(_SC_PAGE_SIZE);
  return Json{
      {"host", names.nodename},
      {"boot_id", first_line("/proc/sys/kernel/random/boot_id")},
      {"os", os_name()},
      {"kernel", std::string(names.sysname) + "-" + names.release + "-" + names.machine},
      {"cpu_model", cpu.model},
      {"cpu_count", std::thread::hardware_concurrency()},
      {"cpu_physical_cores", count_or_null(cpu.cores.size())},
      {"cpu_sockets", count_or_null(cpu.sockets.size())},
      {"cpu_governor", first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")},
      {"ram_total_bytes",
       pages > 0 && page_size > 0 ? Json(static_cast<int64_t>(pages) * page_size) : Json(nullptr)},
      {"virtualized", cpu.hypervisor},
      {"tool_version", version()},
  };
}

}  // namespace aieb
