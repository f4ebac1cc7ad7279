#include "core/clock.h"

#include <array>
#include <ctime>

namespace aieb {
namespace {

int64_t read_clock(clockid_t id) {
  timespec t{};
  clock_gettime(id, &t);
  return static_cast<int64_t>(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
}

std::string format_time(int64_t wall_time_ns, const char* format, bool utc) {
  const std::time_t s = wall_time_ns / 1'000'000'000;
  std::tm parts{};
  if (utc) {
    gmtime_r(&s, &parts);
  } else {
    localtime_r(&s, &parts);
  }
  std::array<char, 64> text{};
  const size_t n = std::strftime(text.data(), text.size(), format, &parts);
  return {text.data(), n};
}

}  // namespace

int64_t now_ns() { return read_clock(CLOCK_MONOTONIC); }
int64_t wall_ns() { return read_clock(CLOCK_REALTIME); }

std::string iso_local(int64_t t) { return format_time(t, "%Y-%m-%dT%H:%M:%S", false); }
std::string iso_utc(int64_t t) { return format_time(t, "%Y-%m-%dT%H:%M:%SZ", true); }
std::string compact_utc(int64_t t) { return format_time(t, "%Y%m%dT%H%M%SZ", true); }

}  // namespace aieb
