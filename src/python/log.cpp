#include "core/log.h"

#include <array>
#include <deque>
#include <mutex>
#include <string>

#include "core/clock.h"
#include "python/bindings.h"
#include "python/json.h"

namespace aieb::python {
namespace nb = nanobind;
namespace {

struct Line {
  log::Level level;
  int64_t wall_ns;
  std::string text;
};

/// Log lines wait here until Python fetches them: a thread of the core that writes one must never
/// wait for the GIL, which the measured code may hold.
class LogQueue {
 public:
  void push(log::Level level, std::string_view text) {
    const std::lock_guard lock(mutex_);
    if (lines_.size() == kMostLines) lines_.pop_front();
    lines_.push_back({level, wall_ns(), std::string(text)});
  }

  std::deque<Line> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(lines_, {});
  }

 private:
  static constexpr size_t kMostLines = 10'000;  // of a process that never fetches them
  std::mutex mutex_;
  std::deque<Line> lines_;
};

/// Never destroyed: threads of the core may outlive the module.
LogQueue& queue() {
  static auto* const lines = new LogQueue;
  return *lines;
}

/// Levels of Python's logging, by ours.
constexpr std::array kPythonLevels = {10, 20, 30, 40};

nb::list take_log_lines() {
  nb::list out;
  for (const Line& line : queue().take()) {
    out.append(nb::make_tuple(kPythonLevels.at(static_cast<size_t>(line.level)),
                              static_cast<double>(line.wall_ns) * 1e-9, to_python(line.text)));
  }
  return out;
}

void set_log_level(int python_level) {
  log::Level level = log::Level::kDebug;
  for (size_t i = 0; i < kPythonLevels.size(); ++i) {
    if (kPythonLevels[i] <= python_level) level = static_cast<log::Level>(i);
  }
  log::set_level(level);
}

}  // namespace

void bind_log(nb::module_& module) {
  log::set_sink([](log::Level level, std::string_view text) { queue().push(level, text); });
  module.def("take_log_lines", take_log_lines,
             "[(level of logging, seconds since the epoch, text)] since the last call.");
  module.def("set_log_level", set_log_level, nb::arg("level"),
             "Lines below this level of logging are not made.");
}

}  // namespace aieb::python
