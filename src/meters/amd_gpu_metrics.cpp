#include "meters/amd_gpu_metrics.h"

#include <array>
#include <cstring>

#include "meters/sysfs.h"

namespace aieb {
namespace {

constexpr size_t kFormatAt = 2;
constexpr size_t kContentAt = 3;

/// Of format 1, content 3.
constexpr uint8_t kStatusContent = 3;
constexpr size_t kStatusAt = 112;
struct StatusGroup {
  uint64_t bits;
  const char* name;
};
constexpr std::array<StatusGroup, 4> kStatusGroups{{
    {0x000000000000ffff, "power_cap"},
    {0x00000000ffff0000, "current"},
    {0x0000ffff00000000, "thermal"},
    {0xffff000000000000, "other"},
}};

/// Five counters in a row, of 32 bits each, all ones where the GPU has none.
constexpr std::array<const char*, 5> kLimiters{"prochot", "power_cap", "thermal",
                                               "regulator_thermal", "memory_thermal"};
/// Where the first of them is, by content; 0: not in this one.
constexpr size_t residencies_at(uint8_t content) {
  switch (content) {
    case 6:
      return 36;
    case 7:
    case 8:
      return 44;
    default:
      return 0;
  }
}

template <typename T>
std::optional<T> value_at(const std::string& bytes, size_t offset) {
  if (bytes.size() < offset + sizeof(T)) return std::nullopt;
  T value{};
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

std::optional<std::vector<std::string>> names_of_status(const std::string& bytes) {
  const auto status = value_at<uint64_t>(bytes, kStatusAt);
  if (!status || *status == UINT64_MAX) return std::nullopt;
  std::vector<std::string> names;
  for (const StatusGroup& group : kStatusGroups) {
    if ((*status & group.bits) != 0) names.emplace_back(group.name);
  }
  return names;
}

}  // namespace

bool AmdGpuMetrics::integrated() const {
  const FileText file = read_bytes(path_);
  return file.text && value_at<uint8_t>(*file.text, kFormatAt).value_or(1) != 1;
}

std::optional<std::vector<std::string>> AmdGpuMetrics::throttled_by() {
  const FileText file = read_bytes(path_);
  if (!file.text || value_at<uint8_t>(*file.text, kFormatAt) != 1) return std::nullopt;
  const uint8_t content = value_at<uint8_t>(*file.text, kContentAt).value_or(0);
  if (content == kStatusContent) return names_of_status(*file.text);
  const size_t first = residencies_at(content);
  if (first == 0) return std::nullopt;
  std::vector<uint32_t> now;
  for (size_t i = 0; i < kLimiters.size(); ++i) {
    const auto value = value_at<uint32_t>(*file.text, first + i * sizeof(uint32_t));
    if (!value) return std::nullopt;
    now.push_back(*value);
  }
  std::vector<std::string> names;
  for (size_t i = 0; i < now.size() && !residencies_.empty(); ++i) {
    if (now[i] != UINT32_MAX && now[i] != residencies_[i]) names.emplace_back(kLimiters.at(i));
  }
  residencies_ = std::move(now);
  return names;
}

}  // namespace aieb
