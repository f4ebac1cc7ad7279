#include "meters/perf_events.h"

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <sstream>

#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "meters/cpu_list.h"
#include "meters/sysfs.h"

namespace aieb {
namespace {

/// "0x0f" → 15.
std::optional<uint64_t> hexadecimal(const std::string& text) {
  if (text.rfind("0x", 0) != 0) return std::nullopt;
  uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + 2, end, value, 16);
  return error == std::errc() && stop == end ? std::optional(value) : std::nullopt;
}

/// "event=0x04,umask=0x03" → 0x0304.
std::optional<uint64_t> config_of(const std::string& text) {
  constexpr int kUmaskShift = 8;
  std::optional<uint64_t> config;
  std::istringstream terms(text);
  for (std::string term; std::getline(terms, term, ',');) {
    const size_t equals = term.find('=');
    if (equals == std::string::npos) return std::nullopt;
    const std::optional<uint64_t> value = hexadecimal(term.substr(equals + 1));
    const std::string name = term.substr(0, equals);
    if (!value || (name != "event" && name != "umask")) return std::nullopt;
    config = config.value_or(0) | (name == "umask" ? *value << kUmaskShift : *value);
  }
  return config;
}

}  // namespace

PerfCalls system_perf_calls() {
  PerfCalls calls;
  calls.open = [](uint32_t type, uint64_t config, int cpu) {
    perf_event_attr attributes{};
    attributes.size = sizeof(attributes);
    attributes.type = type;
    attributes.config = config;
    constexpr int kEveryProcess = -1;
    constexpr int kNoGroup = -1;
    const long fd = ::syscall(SYS_perf_event_open, &attributes, kEveryProcess, cpu, kNoGroup,
                              PERF_FLAG_FD_CLOEXEC);
    return fd < 0 ? -errno : static_cast<int>(fd);
  };
  calls.read = [](int fd, int& error) -> std::optional<uint64_t> {
    uint64_t count = 0;
    const ssize_t got = ::read(fd, &count, sizeof(count));
    if (got == static_cast<ssize_t>(sizeof(count))) return count;
    error = got < 0 ? errno : EIO;
    return std::nullopt;
  };
  calls.close = [](int fd) { ::close(fd); };
  return calls;
}

std::optional<PerfEvent> read_perf_event(const std::string& pmu_path, const std::string& name) {
  const FileNumber type = read_number(pmu_path + "/type");
  const FileText mask = read_file(pmu_path + "/cpumask");
  const std::string file = pmu_path + "/events/" + name;
  const std::optional<uint64_t> config = config_of(read_file(file).text.value_or(""));
  if (!type.value || !mask.text || !config) return std::nullopt;
  const FileText scale = read_file(file + ".scale");
  return PerfEvent{name,
                   static_cast<uint32_t>(*type.value),
                   *config,
                   scale.text ? std::strtod(scale.text->c_str(), nullptr) : 1,
                   read_file(file + ".unit").text.value_or(""),
                   cpu_list(*mask.text)};
}

}  // namespace aieb
