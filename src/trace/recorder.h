#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "core/events.h"
#include "trace/event_queue.h"
#include "trace/writer.h"

namespace aieb {

struct RecorderOptions {
  int64_t commit_interval_ns = 100'000'000;   ///< a record is on disk about this long after it came
  int64_t clock_interval_ns = 1'000'000'000;  ///< between pairs of monotonic and wall time
  /// Records that wait for a disk that does not keep up; more are dropped and reported.
  int64_t max_pending_bytes = 256'000'000;
  /// Write to a local folder and move the file at the end; absent: where the target's file system
  /// is not local.
  std::optional<bool> spool;
};

/// Writes a run to its trace file while it happens. Recording never waits for the disk: records go
/// through a lock-free queue to one writer thread. Docs: docs/trace.md.
///
/// After a kill, everything older than the commit interval is in the file. (A power cut may cost
/// more: commits are not synced one by one, which would disturb the measurement.)
class TraceRecorder : public EventSink {
 public:
  /// Creates the file and its folder. Throws EnvironmentError (unwritable, full) or ConfigError
  /// (the file exists).
  static std::unique_ptr<TraceRecorder> create(const std::string& path);
  static std::unique_ptr<TraceRecorder> create(const std::string& path,
                                               const RecorderOptions& options);
  /// Closes; what `close` would throw goes to the log.
  ~TraceRecorder() override;

  void request_started(const RequestRecord& record) override;
  void tokens_arrived(int) override {}
  void request_finished(RequestRecord record) override;
  void phase_begin(const Phase& phase) override;
  void phase_end(const Phase& phase) override;
  void domain(const Domain& domain) override;
  void samples(const std::vector<Sample>& samples) override;
  void event(TraceEvent event) override;

  /// A fact about the run; keys: core/trace_data.h. A later value replaces an earlier one.
  void set_meta(const std::string& key, const std::string& value);

  /// Returns when everything recorded by this thread before is committed (or lost: `failure`).
  void flush();

  /// The first thing that could not be written, and how many records were lost since.
  [[nodiscard]] std::optional<std::string> failure() const;

  /// Writes what is queued, folds the WAL into the file and moves a spooled file to its place.
  /// Throws EnvironmentError when anything recorded was lost. A second call does nothing.
  void close();

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  TraceRecorder(std::string path, std::string file, const RecorderOptions& options);

  struct Queued {
    TraceMessage message;
    int64_t bytes = 0;
  };

  void push(TraceMessage message, size_t payload_bytes = 0);
  void wake_writer(bool& reason);
  void write_until_closed();
  bool write_batch();
  void take_batch();
  void join_with_start(TraceMessage& message);
  void fail(const std::string& what, int64_t lost);
  void finish_file();

  const std::string path_;  ///< where the trace is at the end
  const std::string file_;  ///< where it is written; differs from path_ when spooled
  const RecorderOptions options_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<TraceWriter> writer_;

  EventQueue<Queued> queue_;
  std::atomic<int64_t> pending_bytes_{0};
  std::atomic<int64_t> dropped_{0};  ///< refused because max_pending_bytes was reached

  std::mutex wake_mutex_;  ///< guards closing_ and flush_wanted_; never taken while recording
  std::condition_variable wake_;
  bool closing_ = false;
  bool flush_wanted_ = false;

  mutable std::mutex failure_mutex_;
  std::string failure_;
  int64_t lost_ = 0;

  int64_t next_clock_ns_ = 0;  ///< the writer thread's, as is batch_
  std::vector<TraceMessage> batch_;
  std::unordered_map<int64_t, size_t> starts_;  ///< place in batch_ by request id
  std::thread thread_;
  bool closed_ = false;
};

}  // namespace aieb
