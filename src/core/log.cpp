#include "core/log.h"

#include <atomic>
#include <mutex>
#include <utility>

namespace aieb::log {
namespace {

std::mutex sink_mutex;
Sink current_sink;
std::atomic<Level> threshold{Level::kInfo};

}  // namespace

void set_sink(Sink sink) {
  const std::lock_guard lock(sink_mutex);
  current_sink = std::move(sink);
}

void set_level(Level level) { threshold.store(level, std::memory_order_relaxed); }
bool enabled(Level level) { return level >= threshold.load(std::memory_order_relaxed); }

void write(Level level, std::string_view text) {
  if (!enabled(level)) return;
  const std::lock_guard lock(sink_mutex);
  if (current_sink) current_sink(level, text);
}

}  // namespace aieb::log
