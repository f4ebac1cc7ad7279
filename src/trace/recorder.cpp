#include "trace/recorder.h"

#include <chrono>
#include <csignal>
#include <filesystem>
#include <system_error>
#include <utility>

#include <sqlite3.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"
#include "core/scheduling.h"
#include "core/trace_data.h"
#include "trace/schema.h"
#include "trace/storage.h"

namespace aieb {
namespace fs = std::filesystem;
namespace {

/// Rows of one transaction; bounds the memory of a batch and the time that readers wait.
constexpr size_t kMaxBatch = 20'000;

/// Wall time between two reads of the monotonic clock; the best of three brackets.
ClockPair read_clock_pair() {
  ClockPair best{0, 0, INT64_MAX};
  for (int attempt = 0; attempt < 3; ++attempt) {
    const int64_t before = now_ns();
    const int64_t wall = wall_ns();
    const int64_t after = now_ns();
    const int64_t half_width = (after - before + 1) / 2;
    if (half_width < best.uncertainty_ns) best = {before + (after - before) / 2, wall, half_width};
  }
  return best;
}

std::string remedy(int sqlite_code) {
  switch (sqlite_code) {
    case SQLITE_FULL:
      return "Free space on that disk or choose another output_dir";
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return "Make the folder writable or choose another output_dir";
    default:
      return "Check the disk (dmesg) and its free space, or choose another output_dir";
  }
}

void make_parent(const fs::path& path) {
  const fs::path parent = path.parent_path();
  if (parent.empty()) return;
  std::error_code error;
  fs::create_directories(parent, error);
  if (error) {
    throw EnvironmentError("cannot create the folder '" + parent.string() + "' for the trace: " +
                           error.message() + ". Make it writable or choose another output_dir");
  }
}

/// A folder that cannot be written must be found out before the run, also when spooling.
void check_writable(const fs::path& path) {
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  if (::access(folder.c_str(), W_OK) == 0) return;
  throw EnvironmentError("cannot write the trace '" + path.string() +
                         "': " + std::generic_category().message(errno) +
                         ". Make the folder writable or choose another output_dir");
}

/// Signals belong to the threads that expect them, not to the writer.
std::thread start_without_signals(auto body) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread(std::move(body));
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

}  // namespace

std::unique_ptr<TraceRecorder> TraceRecorder::create(const std::string& path) {
  return create(path, RecorderOptions{});
}

std::unique_ptr<TraceRecorder> TraceRecorder::create(const std::string& path,
                                                     const RecorderOptions& options) {
  std::error_code ignored;
  if (fs::exists(path, ignored)) {
    throw ConfigError("the trace '" + path +
                      "' exists already; give another path or remove the file");
  }
  make_parent(path);
  check_writable(path);
  const bool spool = options.spool.value_or(on_remote_filesystem(fs::path(path).parent_path()));
  const std::string file =
      spool ? (make_private_folder() / fs::path(path).filename()).string() : path;
  try {
    return std::unique_ptr<TraceRecorder>(new TraceRecorder(path, file, options));
  } catch (const SqliteError& error) {
    fs::remove(file, ignored);
    throw EnvironmentError("cannot create the trace '" + file + "': " + error.what() + ". " +
                           remedy(error.code()));
  }
}

TraceRecorder::TraceRecorder(std::string path, std::string file, const RecorderOptions& options)
    : path_(std::move(path)), file_(std::move(file)), options_(options) {
  database_ = std::make_unique<Database>(file_, Database::Mode::kCreate);
  database_->execute("PRAGMA journal_mode=WAL");
  database_->execute("PRAGMA synchronous=NORMAL");
  // Folding the log into the file syncs the disk, which delays commits: seldom (64 MiB).
  database_->execute("PRAGMA wal_autocheckpoint=16384");
  database_->execute("BEGIN");
  database_->execute(schema::kCreate);
  database_->execute("COMMIT");
  writer_ = std::make_unique<TraceWriter>(*database_);
  writer_->write(MetaEntry{meta::kSchemaVersion, std::to_string(schema::kVersion)});
  writer_->write(read_clock_pair());
  next_clock_ns_ = now_ns() + options_.clock_interval_ns;
  thread_ = start_without_signals([this] {
    yield_to_others();
    write_until_closed();
  });
}

TraceRecorder::~TraceRecorder() {
  try {
    close();
  } catch (const Error& error) {
    log::error(error.what());
  }
}

void TraceRecorder::push(TraceMessage message, size_t payload_bytes) {
  const auto bytes = static_cast<int64_t>(sizeof(Queued) + payload_bytes);
  if (pending_bytes_.fetch_add(bytes, std::memory_order_relaxed) > options_.max_pending_bytes) {
    pending_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    dropped_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  queue_.push({std::move(message), bytes});
}

void TraceRecorder::request_started(const RequestRecord& record) {
  push(RequestStart{record.id, record.prompt_index, record.repeat, record.session,
                    record.planned_ns, record.queued_ns, record.sent_ns,
                    record.extra.empty() ? Json::object() : record.extra});
}

void TraceRecorder::request_finished(RequestRecord record) {
  const size_t bytes = record.text.size() + record.token_times.size() * sizeof(TokenArrival);
  push(std::move(record), bytes);
}

void TraceRecorder::phase_begin(const Phase& phase) { push(phase); }
void TraceRecorder::phase_end(const Phase& phase) { push(phase); }
void TraceRecorder::domain(const Domain& domain) { push(domain); }
void TraceRecorder::samples(const std::vector<Sample>& samples) {
  push(samples, samples.size() * sizeof(Sample));
}
void TraceRecorder::event(TraceEvent event) { push(std::move(event)); }

void TraceRecorder::set_meta(const std::string& key, const std::string& value) {
  push(MetaEntry{key, value}, value.size());
}

void TraceRecorder::wake_writer(bool& reason) {
  {
    const std::lock_guard lock(wake_mutex_);
    reason = true;
  }
  wake_.notify_one();
}

void TraceRecorder::flush() {
  if (closed_) return;
  std::promise<void> done;
  queue_.push({FlushMark{&done}, 0});  // never refused, else the wait below would not end
  wake_writer(flush_wanted_);
  done.get_future().wait();
}

void TraceRecorder::write_until_closed() {
  bool closing = false;
  while (!closing) {
    {
      std::unique_lock lock(wake_mutex_);
      wake_.wait_for(lock, std::chrono::nanoseconds(options_.commit_interval_ns),
                     [this] { return closing_ || flush_wanted_; });
      flush_wanted_ = false;
      closing = closing_;
    }
    while (write_batch()) continue;
  }
}

void TraceRecorder::take_batch() {
  batch_.clear();
  starts_.clear();
  Queued queued;
  while (batch_.size() < kMaxBatch && queue_.pop(queued)) {
    pending_bytes_.fetch_sub(queued.bytes, std::memory_order_relaxed);
    batch_.push_back(std::move(queued.message));
    join_with_start(batch_.back());
  }
}

/// A request whose start is in the same batch is written once.
void TraceRecorder::join_with_start(TraceMessage& message) {
  if (const auto* start = std::get_if<RequestStart>(&message)) {
    starts_.insert_or_assign(start->id, batch_.size() - 1);
  } else if (auto* record = std::get_if<RequestRecord>(&message)) {
    const auto begun = starts_.extract(record->id);
    if (begun.empty()) return;
    batch_[begun.mapped()] = std::monostate{};
    message = WholeRequest{std::move(*record)};
  }
}

/// One transaction. False when there was nothing to write.
bool TraceRecorder::write_batch() {
  take_batch();
  const bool clock_due = now_ns() >= next_clock_ns_;
  if (batch_.empty() && !clock_due) return false;
  try {
    writer_->begin();
    for (const TraceMessage& message : batch_) writer_->write(message);
    if (clock_due) writer_->write(read_clock_pair());
    writer_->commit();
  } catch (const SqliteError& error) {
    writer_->rollback();
    fail(std::string(error.what()) + ". " + remedy(error.code()),
         static_cast<int64_t>(batch_.size()));
  }
  if (clock_due) next_clock_ns_ = now_ns() + options_.clock_interval_ns;
  for (const TraceMessage& message : batch_) {
    if (const auto* mark = std::get_if<FlushMark>(&message)) mark->done->set_value();
  }
  return true;
}

void TraceRecorder::fail(const std::string& what, int64_t lost) {
  const std::lock_guard lock(failure_mutex_);
  if (failure_.empty()) failure_ = what;
  lost_ += lost;
}

std::optional<std::string> TraceRecorder::failure() const {
  const int64_t dropped = dropped_.load(std::memory_order_relaxed);
  const std::lock_guard lock(failure_mutex_);
  if (failure_.empty() && dropped == 0) return std::nullopt;
  const std::string what = failure_.empty()
                               ? "the disk does not keep up. Choose an output_dir on a faster disk"
                               : failure_;
  return "writing the trace '" + file_ + "' failed: " + what + " (" +
         std::to_string(lost_ + dropped) + " records lost)";
}

void TraceRecorder::close() {
  if (std::exchange(closed_, true)) return;
  wake_writer(closing_);
  thread_.join();
  finish_file();
  if (file_ != path_) {
    move_file(file_, path_);
    std::error_code ignored;
    fs::remove(fs::path(file_).parent_path(), ignored);
  }
  if (const auto what = failure()) throw EnvironmentError(*what);
}

/// Leaves one file without -wal and -shm beside it, which any reader opens from any medium.
void TraceRecorder::finish_file() {
  try {
    writer_->write(read_clock_pair());
    writer_.reset();
    database_->execute("PRAGMA wal_checkpoint(TRUNCATE)");
    database_->execute("PRAGMA journal_mode=DELETE");
  } catch (const SqliteError& error) {
    // Busy: somebody reads the file now; the last connection to close tidies up.
    if (error.code() != SQLITE_BUSY) fail(error.what(), 0);
  }
  writer_.reset();
  database_.reset();
}

}  // namespace aieb
