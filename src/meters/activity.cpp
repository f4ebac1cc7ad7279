#include "meters/activity.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <sstream>
#include <utility>

#include "core/clock.h"
#include "meters/sysfs.h"

namespace aieb {
namespace {

constexpr double kBytesPerMib = 1024.0 * 1024.0;
constexpr uint64_t kBytesPerSector = 512;  // of /proc/diskstats, whatever the disk's own are
constexpr const char* kWholeMachine = "the whole machine, not this run alone";

using Devices = std::map<std::string, DeviceBytes>;

/// Keeps the devices that have hardware behind them.
template <typename IsReal>
Devices only_real(const Devices& all, IsReal is_real) {
  Devices real;
  for (const auto& [name, bytes] : all) {
    if (is_real(name)) real.emplace(name, bytes);
  }
  return real;
}

/// Events of memory controllers, by the names that generations of Intel's give them; all
/// controllers of the first naming that exists are added. Those that other agents caused are
/// included.
struct MemoryEvents {
  const char* pmu;  ///< how the PMUs' names begin
  const char* read;
  const char* written;
};
constexpr std::array kMemoryEvents{
    MemoryEvents{"uncore_imc", "cas_count_read", "cas_count_write"},
    MemoryEvents{"uncore_imc_free_running", "data_read", "data_write"},
    MemoryEvents{"uncore_imc", "data_reads", "data_writes"},
};

}  // namespace

std::optional<Devices> read_network(const std::string& proc_root, const std::string& sys_root,
                                    std::string& why) {
  const FileText file = read_file(proc_root + "/net/dev");
  if (!file.text) {
    why = proc_root + "/net/dev: " + file.why();
    return std::nullopt;
  }
  Devices all;
  std::istringstream lines(*file.text);
  for (std::string line; std::getline(lines, line);) {
    const size_t colon = line.find(':');
    if (colon == std::string::npos) continue;  // the two lines of headings
    const size_t first = line.find_first_not_of(' ');
    const std::string name = line.substr(first, colon - first);
    std::istringstream numbers(line.substr(colon + 1));
    std::array<uint64_t, 9> columns{};  // received: 8 columns, the first bytes; then sent
    size_t known = 0;
    while (known < columns.size() && numbers >> columns.at(known)) ++known;
    if (known == columns.size() && name != "lo") {
      all[name] = {{"received", columns[0]}, {"sent", columns[8]}};
    }
  }
  const Devices real = only_real(all, [&](const std::string& name) {
    return path_exists(sys_root + "/class/net/" + name + "/device");
  });
  if (all.empty()) why = "there is no network device";
  return all.empty() ? std::nullopt : std::optional(real.empty() ? all : real);
}

std::optional<Devices> read_disks(const std::string& proc_root, const std::string& sys_root,
                                  std::string& why) {
  const FileText file = read_file(proc_root + "/diskstats");
  if (!file.text) {
    why = proc_root + "/diskstats: " + file.why();
    return std::nullopt;
  }
  Devices disks;
  std::istringstream lines(*file.text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string name;
    uint64_t major = 0;
    uint64_t minor = 0;
    std::array<uint64_t, 7> columns{};  // reads, merged, sectors, ms, writes, merged, sectors
    words >> major >> minor >> name;
    for (uint64_t& column : columns) words >> column;
    if (words && path_exists(sys_root + "/block/" + name + "/device")) {
      disks[name] = {{"read", columns[2] * kBytesPerSector},
                     {"written", columns[6] * kBytesPerSector}};
    }
  }
  if (disks.empty()) why = "there is no disk";
  return disks.empty() ? std::nullopt : std::optional(disks);
}

ActivityMeter::ActivityMeter(std::string sys_root, std::string proc_root, PerfCalls perf)
    : sys_root_(std::move(sys_root)), proc_root_(std::move(proc_root)), perf_(std::move(perf)) {
  kinds_.push_back({"network", read_network, {}, {}, {}});
  kinds_.push_back({"disk", read_disks, {}, {}, {}});
}

ActivityMeter::~ActivityMeter() {
  for (const MemoryEvent& event : memory_) {
    for (const int fd : event.fds) perf_.close(fd);
  }
}

Discovery ActivityMeter::discover() {
  if (discovered_) return discovery_;
  discovered_ = true;
  for (Kind& kind : kinds_) open_kind(kind);
  open_memory();
  return discovery_;
}

int ActivityMeter::add_domain(const std::string& name, const std::string& note) {
  Domain domain;
  domain.id = static_cast<int>(discovery_.domains.size());
  domain.meter = "activity";
  domain.component = Component::kNode;
  domain.name = name;
  domain.kind = DomainKind::kCounter;
  domain.unit = "B";
  domain.resolution = 1;
  domain.note = note;
  discovery_.domains.push_back(domain);
  return domain.id;
}

void ActivityMeter::add_missing(const std::string& what, const std::string& reason,
                                const std::string& fix) {
  log_.add("activity_missing", {{"what", what}, {"reason", reason}, {"fix", fix}});
}

void ActivityMeter::open_kind(Kind& kind) {
  std::string why;
  const std::optional<Devices> devices = kind.read(proc_root_, sys_root_, why);
  if (!devices) {
    add_missing(kind.what, why, "");
    return;
  }
  kind.last = *devices;
  std::string note = std::string(kWholeMachine) + ":";
  for (const auto& [name, bytes] : *devices) note += " " + name;
  for (const auto& [happened, bytes] : devices->begin()->second) {
    kind.domains[happened] = add_domain(kind.what + "/" + happened, note);
  }
}

void ActivityMeter::read_kind(Kind& kind, std::vector<Sample>& out) {
  if (kind.domains.empty()) return;
  std::string why;
  const std::optional<Devices> devices = kind.read(proc_root_, sys_root_, why);
  const int64_t t_ns = now_ns();
  const std::string label = "activity/" + kind.what;
  if (!devices) {
    log_.failed(label, why);
    return;
  }
  log_.worked(label);
  for (const auto& [name, bytes] : *devices) {
    const auto before = kind.last.find(name);
    for (const auto& [happened, count] : bytes) {
      if (before == kind.last.end() || count < before->second.at(happened)) continue;
      kind.sums[happened] += static_cast<double>(count - before->second.at(happened));
    }
  }
  kind.last = *devices;
  for (const auto& [happened, domain] : kind.domains) {
    out.push_back({domain, t_ns, kind.sums[happened]});
  }
}

void ActivityMeter::open_memory() {
  const std::string root = sys_root_ + "/bus/event_source/devices/";
  for (const MemoryEvents& events : kMemoryEvents) {
    std::vector<std::string> pmus;
    for (const std::string& pmu : list_directory(root)) {
      if (pmu.rfind(events.pmu, 0) == 0 && read_perf_event(root + pmu, events.read)) {
        pmus.push_back(root + pmu);
      }
    }
    if (pmus.empty()) continue;
    if (open_memory_event("memory/read", pmus, events.read) &&
        open_memory_event("memory/written", pmus, events.written)) {
      return;
    }
    break;
  }
  if (const std::optional<double> bytes = resctrl_bytes()) {
    resctrl_start_ = *bytes;
    resctrl_ = add_domain("memory/total", std::string(kWholeMachine) + ", by resctrl");
    return;
  }
  const bool denied = refused_ == EACCES || refused_ == EPERM;
  if (refused_ != 0) {
    add_missing("memory",
                std::string("perf event of the memory controllers: ") + std::strerror(refused_),
                denied ? kPerfPermissionFix : "");
  } else {
    add_missing("memory", "no memory controller that can be read (perf uncore_imc, resctrl)",
                "where the CPU monitors its memory bandwidth: sudo mount -t resctrl resctrl "
                "/sys/fs/resctrl");
  }
}

/// False when one of them is refused.
bool ActivityMeter::open_memory_event(const std::string& name, const std::vector<std::string>& pmus,
                                      const char* event) {
  MemoryEvent opened{0, 0, {}};
  for (const std::string& pmu : pmus) {
    const std::optional<PerfEvent> found = read_perf_event(pmu, event);
    if (!found) continue;
    opened.bytes_per_count = found->scale * (found->unit == "MiB" ? kBytesPerMib : 1);
    for (const int cpu : found->cpus) {
      const int fd = perf_.open(found->type, found->config, cpu);
      if (fd < 0) refused_ = -fd;
      if (fd >= 0) opened.fds.push_back(fd);
    }
  }
  if (refused_ != 0) {
    for (const int fd : opened.fds) perf_.close(fd);
    return false;
  }
  opened.domain = add_domain(name, std::string(kWholeMachine) + ", by its memory controllers");
  memory_.push_back(std::move(opened));
  return true;
}

/// Bytes that the root group and every other control group of resctrl moved; each includes its
/// monitoring groups.
std::optional<double> ActivityMeter::resctrl_bytes() const {
  const std::string root = sys_root_ + "/fs/resctrl";
  std::vector<std::string> groups{root};
  for (const std::string& name : list_directory(root)) groups.push_back(root + "/" + name);
  std::optional<double> sum;
  for (const std::string& group : groups) {
    for (const std::string& cache : list_directory(group + "/mon_data")) {
      const FileNumber bytes = read_number(group + "/mon_data/" + cache + "/mbm_total_bytes");
      if (bytes.value) sum = sum.value_or(0) + static_cast<double>(*bytes.value);
    }
  }
  return sum;
}

void ActivityMeter::read_memory(std::vector<Sample>& out) {
  for (const MemoryEvent& event : memory_) {
    double counts = 0;
    int error = 0;
    for (const int fd : event.fds) {
      counts += static_cast<double>(perf_.read(fd, error).value_or(0));
    }
    const int64_t t_ns = now_ns();
    const std::string label =
        "activity/" + discovery_.domains[static_cast<size_t>(event.domain)].name;
    if (error != 0) {
      log_.failed(label, std::strerror(error));
      continue;
    }
    log_.worked(label);
    out.push_back({event.domain, t_ns, counts * event.bytes_per_count});
  }
  if (!resctrl_) return;
  const std::optional<double> bytes = resctrl_bytes();
  if (bytes && *bytes >= resctrl_start_) {
    log_.worked("activity/memory");
    out.push_back({*resctrl_, now_ns(), *bytes - resctrl_start_});
  } else {
    log_.failed("activity/memory", "resctrl shows no bytes");
  }
}

void ActivityMeter::read(std::vector<Sample>& out) {
  for (Kind& kind : kinds_) read_kind(kind, out);
  read_memory(out);
}

}  // namespace aieb
