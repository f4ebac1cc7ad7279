#include "cli/monitor_live.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>
#include <unistd.h>

#include "cli/console.h"
#include "cli/interrupt.h"
#include "core/clock.h"
#include "core/stop.h"
#include "reporters/text_format.h"

namespace aieb::cli {
namespace {

/// The lines of `text`, each cut to `width` columns.
std::vector<std::string> cut_lines(const std::string& text, size_t width) {
  std::vector<std::string> lines;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    std::string line = text.substr(begin, end - begin);
    while (display_width(line) > width) {
      while (line.size() > 1 && (line.back() & 0xC0) == 0x80) line.pop_back();
      line.pop_back();
    }
    lines.push_back(std::move(line));
    begin = end + 1;
  }
  return lines;
}

/// The readings for a person: on a terminal a table that is drawn over itself, elsewhere a line
/// each. On stderr where stdout carries rows.
class LiveView {
 public:
  LiveView(bool quiet, bool stdout_taken)
      : quiet_(quiet),
        fd_(stdout_taken ? STDERR_FILENO : STDOUT_FILENO),
        stream_(stdout_taken ? stderr : stdout),
        tty_(console_of(fd_).tty) {}

  void notice(const std::string& text) const {
    if (!quiet_) print(text + "\n");
  }

  void show(const MonitorSnapshot& snapshot) {
    if (quiet_ || !snapshot.news) return;
    if (!tty_) return print(monitor_line(snapshot) + "\n");
    const size_t width = console_of(fd_).width;
    const auto lines = cut_lines(duration_text(snapshot.reading.elapsed_s) + ", Ctrl-C ends it\n" +
                                     monitor_table(snapshot, false),
                                 width > 1 ? width - 1 : 1);
    print(erased() + fmt::format("{}\n", fmt::join(lines, "\n")));
    drawn_ = lines.size();
  }

  void sum_up(const MonitorSnapshot& snapshot) {
    if (quiet_) return;
    print(erased() + "\nmonitored for " + duration_text(snapshot.reading.elapsed_s) + "\n" +
          monitor_table(snapshot, true));
  }

 private:
  /// Takes back what was drawn last.
  std::string erased() {
    const size_t lines = std::exchange(drawn_, 0);
    return lines > 0 ? fmt::format("\x1b[{}F\x1b[J", lines) : "";
  }

  void print(const std::string& text) const {
    std::fputs(text.c_str(), stream_);
    std::fflush(stream_);
  }

  const bool quiet_;
  const int fd_;
  std::FILE* const stream_;
  const bool tty_;
  size_t drawn_ = 0;
};

}  // namespace

ExitCode monitor_machine(const MonitorArguments& a) {
  MonitorSession session(a, {a.trace, "", {}, true}, true);
  LiveView view(a.quiet, a.csv == "-" || a.json == "-");
  const InterruptGuard interrupt([] {});
  Monitor& monitor = session.monitor();
  monitor.start();
  if (!session.exporter_url().empty()) view.notice("serving " + session.exporter_url());
  monitor.begin(PhaseKind::kMeasure);
  const int64_t begin = now_ns();
  const double end_s = a.duration_s.value_or(std::numeric_limits<double>::infinity());
  for (int64_t k = 1; !interrupt.token().stop_requested(); ++k) {
    const double next_s = std::min(static_cast<double>(k) * a.interval_s, end_s);
    sleep_unless_stopped(next_s - seconds(now_ns() - begin), interrupt.token());
    if (next_s >= end_s || interrupt.token().stop_requested()) break;
    view.show(session.tick());
  }
  monitor.end();
  monitor.stop();
  view.sum_up(session.tick(true));
  return ExitCode::kOk;
}

}  // namespace aieb::cli
