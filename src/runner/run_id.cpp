#include "runner/run_id.h"

#include <cctype>
#include <filesystem>
#include <random>

#include "core/clock.h"

namespace aieb {
namespace {

std::string random_hex(int digits) {
  std::random_device device;
  std::string out;
  for (int i = 0; i < digits; ++i) out += "0123456789abcdef"[device() % 16];
  return out;
}

/// Letters, digits, '-', '_' and '.' stay; everything else becomes '-'.
std::string file_safe(std::string text) {
  for (char& c : text) {
    const bool plain =
        std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.';
    if (!plain) c = '-';
  }
  return text;
}

}  // namespace

std::string new_run_id(const std::string& name) {
  return compact_utc(wall_ns()) + "-" + file_safe(name) + "-" + random_hex(6);
}

std::string run_trace_path(const std::string& output_dir, const std::string& run_id) {
  return (std::filesystem::path(output_dir) / "runs" / (run_id + ".db")).string();
}

}  // namespace aieb
