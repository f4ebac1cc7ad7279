#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/events.h"
#include "exporters/page_fetcher.h"

namespace aieb::exporters {

/// Reads a server's own metrics page every period on a thread of its own and keeps what it says in
/// events of kind "server_metrics" (server_metrics.h has the names). Never blocks the workload.
class ServerWatch {
 public:
  struct Options {
    std::string url;  ///< of the page
    std::vector<std::string> headers;
    double period_s = 1;
    bool asked_for = false;  ///< the user named the page: that it is not there is a warning
  };

  /// Begins with a reading. A page that is not there, or not a known server's, ends it, with an
  /// event that says so.
  ServerWatch(Options options, EventSink& sink);
  ~ServerWatch();

  /// Right before the first request: reads the counters now, so that a difference can be taken.
  void begin_measure();
  /// Right after the last request: the same, as soon as the server has none running (it counts a
  /// little after it answers), at most half a second later.
  void end_measure();

 private:
  /// Requests running, as far as the page says; throws SourceError.
  double read_page(PageFetcher& fetcher, bool whole);
  void mark(bool settled);
  void run();
  void tell(const std::string& problem);

  Options options_;
  EventSink& sink_;
  PageFetcher marks_;  ///< of the thread that runs the benchmark
  PageFetcher ticks_;  ///< of the thread below
  bool works_ = false;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  bool failing_ = false;
  std::jthread thread_;
};

}  // namespace aieb::exporters
