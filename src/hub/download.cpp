#include "hub/download.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <exception>
#include <fstream>
#include <mutex>
#include <set>
#include <thread>

#include <fmt/format.h>

#include "core/log.h"
#include "core/stop.h"
#include "hub/disk.h"
#include "hub/sha256.h"

namespace aieb::hub {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr int kAttemptsWithoutProgress = 5;

/// Sums what all threads fetched and passes it on, a few times a second.
class Meter {
 public:
  Meter(DownloadProgress report, int64_t total) : report_(std::move(report)) {
    state_.bytes_total = total;
  }

  void begin(const std::string& file) {
    const std::lock_guard lock(mutex_);
    state_.file = file;
  }

  void add(int64_t bytes) {
    const std::lock_guard lock(mutex_);
    state_.bytes_done += bytes;
    if (Clock::now() - reported_ < std::chrono::milliseconds(100)) return;
    reported_ = Clock::now();
    report_(state_);
  }

  void finish() {
    const std::lock_guard lock(mutex_);
    report_(state_);
  }

 private:
  std::mutex mutex_;
  DownloadProgress report_;
  DownloadState state_;
  Clock::time_point reported_{};
};

/// Which parts of an unfinished file are there, kept beside it: "SIZE PART_SIZE", then a number a
/// line.
class PartList {
 public:
  PartList(fs::path path, int64_t size, int64_t part_size)
      : path_(std::move(path)), size_(size), part_size_(part_size) {}

  [[nodiscard]] int64_t count() const { return (size_ + part_size_ - 1) / part_size_; }
  [[nodiscard]] int64_t offset(int64_t part) const { return part * part_size_; }
  [[nodiscard]] int64_t length(int64_t part) const {
    return std::min(part_size_, size_ - offset(part));
  }

  /// False when there is no usable list, which is begun anew.
  bool load() {
    std::ifstream in(path_);
    int64_t size = 0;
    int64_t part_size = 0;
    if (in >> size >> part_size && size == size_ && part_size == part_size_) {
      for (int64_t part = 0; in >> part;) done_.insert(part);
      return true;
    }
    std::ofstream(path_, std::ios::trunc) << size_ << ' ' << part_size_ << '\n';
    return false;
  }

  [[nodiscard]] std::vector<int64_t> missing() const {
    std::vector<int64_t> parts;
    for (int64_t part = 0; part < count(); ++part) {
      if (!done_.contains(part)) parts.push_back(part);
    }
    return parts;
  }

  void mark(int64_t part) {
    const std::lock_guard lock(mutex_);
    std::ofstream(path_, std::ios::app) << part << '\n';
  }

 private:
  fs::path path_;
  int64_t size_;
  int64_t part_size_;
  std::set<int64_t> done_;
  std::mutex mutex_;
};

/// One file on its way into the cache.
class FileTransfer {
 public:
  FileTransfer(const HubSettings& settings, HubClient& client, const Repo& repo, std::string name,
               FileFacts facts, fs::path incomplete, Meter& meter)
      : settings_(settings),
        client_(client),
        repo_(repo),
        name_(std::move(name)),
        facts_(std::move(facts)),
        parts_(incomplete.string() + ".parts", facts_.size, settings.chunk_bytes),
        file_(std::move(incomplete)),
        meter_(meter) {}

  void run() {
    if (!parts_.load()) file_.resize(0);
    file_.resize(facts_.size);
    missing_ = parts_.missing();
    int64_t left = 0;
    for (const int64_t part : missing_) left += parts_.length(part);
    meter_.add(facts_.size - left);
    const auto wanted =
        std::min<size_t>(missing_.size(), static_cast<size_t>(settings_.connections));
    std::vector<std::thread> threads;
    for (size_t i = 1; i < wanted; ++i) threads.emplace_back([this] { work(); });
    if (wanted > 0) work();
    for (std::thread& thread : threads) thread.join();
    if (failure_) std::rethrow_exception(failure_);
    file_.sync();
  }

 private:
  void work() {
    try {
      HttpConnection connection;
      for (size_t i = next_++; i < missing_.size() && !stop_; i = next_++) {
        fetch(connection, missing_[i]);
      }
    } catch (...) {
      stop_ = true;
      const std::lock_guard lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
    }
  }

  void fetch(HttpConnection& connection, int64_t part) {
    const int64_t length = parts_.length(part);
    int64_t received = 0;
    double delay_s = settings_.retry_delay_s;
    for (int attempt = 1; received < length && !stop_;) {
      const int64_t before = received;
      const std::string problem = request(connection, part, received);
      if (received == length) break;
      if (received > before) {
        attempt = 1;
        delay_s = settings_.retry_delay_s;
      } else if (++attempt > kAttemptsWithoutProgress) {
        throw HubUnreachable(fmt::format(
            "{}: the download broke off ({}). Run the same command again: what is there is kept "
            "and continued.",
            name_, problem));
      }
      sleep_unless_stopped(delay_s, settings_.stop);
      throw_if_stopped(settings_.stop);
      delay_s *= 2;
      renew_location();
    }
    if (received == length) parts_.mark(part);
  }

  /// Continues a part as far as the connection carries. Returns what went wrong, if anything.
  std::string request(HttpConnection& connection, int64_t part, int64_t& received) {
    const int64_t length = parts_.length(part);
    const int64_t first = parts_.offset(part) + received;
    HttpRequest request = client_.get(location());
    request.range = {first, parts_.offset(part) + length - 1};
    int64_t position = 0;  // in the answer
    request.sink = [&, skip = int64_t{-1}](std::string_view bytes) mutable {
      // A server that ignores ranges sends the file from its beginning.
      if (skip < 0) skip = connection.status() == 206 ? 0 : first;
      const int64_t unwanted = std::clamp<int64_t>(skip - position, 0, std::ssize(bytes));
      position += std::ssize(bytes);
      bytes.remove_prefix(static_cast<size_t>(unwanted));
      bytes = bytes.substr(0, static_cast<size_t>(length - received));
      file_.write_at(parts_.offset(part) + received, bytes);
      received += std::ssize(bytes);
      meter_.add(std::ssize(bytes));
      return received < length && !stop_;
    };
    try {
      const HttpResponse response = connection.perform(request);
      return response.ok() ? "connection closed early" : fmt::format("HTTP {}", response.status);
    } catch (const NetworkError& e) {
      return e.what();
    }
  }

  std::string location() {
    const std::lock_guard lock(mutex_);
    return facts_.location;
  }

  /// Storage addresses are signed for a limited time.
  void renew_location() {
    const std::lock_guard lock(mutex_);
    try {
      facts_.location = client_.facts(repo_, name_).location;
    } catch (const HubUnreachable&) {  // the part's own attempts are counted
    }
  }

  const HubSettings& settings_;
  HubClient& client_;
  const Repo& repo_;
  std::string name_;
  FileFacts facts_;
  PartList parts_;
  OutputFile file_;
  Meter& meter_;
  std::vector<int64_t> missing_;
  std::atomic<size_t> next_ = 0;
  std::atomic<bool> stop_ = false;
  std::mutex mutex_;
  std::exception_ptr failure_;
};

bool is_sha256(const std::string& etag) {
  return etag.size() == 64 && etag.find_first_not_of("0123456789abcdef") == std::string::npos;
}

void check_content(const fs::path& path, const std::string& etag, const Repo& repo,
                   const std::string& name) {
  if (!is_sha256(etag)) return;
  Sha256 hash;
  std::ifstream in(path, std::ios::binary);
  std::array<char, 1 << 16> buffer{};
  while (in.read(buffer.data(), buffer.size()) || in.gcount() > 0) {
    hash.update({buffer.data(), static_cast<size_t>(in.gcount())});
  }
  if (hash.finish() == etag) return;
  fs::remove(path);
  fs::remove(path.string() + ".parts");
  const std::string message = repo.id + ": " + name +
                              " arrived damaged (its SHA-256 is wrong) and was thrown away; "
                              "run the same command again";
  if (repo.kind == RepoKind::kDataset) throw DataError(message);
  throw ModelError(message);
}

/// Leaves the file in the cache. Another process may be at it: the lock lets the first one win.
void fetch_file(const HubSettings& settings, HubClient& client, const Repo& repo,
                const std::string& commit, const RemoteFile& file, Meter& meter) {
  const RepoCache cache(settings.cache, repo);
  Repo pinned = repo;
  pinned.revision = commit;
  const FileFacts facts = client.facts(pinned, file.name);
  const FileLock lock = cache.lock(facts.etag);
  const fs::path blob = cache.blob(facts.etag);
  if (fs::exists(blob)) {
    meter.add(facts.size);
  } else {
    make_folders(blob.parent_path());
    const fs::path incomplete = blob.string() + ".incomplete";
    FileTransfer(settings, client, pinned, file.name, facts, incomplete, meter).run();
    check_content(incomplete, facts.etag, repo, file.name);
    std::error_code error;
    fs::rename(incomplete, blob, error);
    if (error) throw_disk_error(blob, error);
    fs::remove(incomplete.string() + ".parts", error);
  }
  cache.link(facts.etag, commit, file.name);
}

DownloadProgress& download_display() {
  static DownloadProgress display;
  return display;
}

/// Without any display: a line in the log, every tenth of the way.
DownloadProgress log_progress() {
  return [tenth = int64_t{0}](const DownloadState& state) mutable {
    const int64_t now = state.bytes_total > 0 ? 10 * state.bytes_done / state.bytes_total : 10;
    if (now <= tenth) return;
    tenth = now;
    log::info(fmt::format("downloaded {} of {}", human_size(state.bytes_done),
                          human_size(state.bytes_total)));
  };
}

/// The one that was asked for, else the process's, else the log.
DownloadProgress shown_by(const DownloadProgress& asked) {
  if (asked) return asked;
  return download_display() ? download_display() : log_progress();
}

}  // namespace

fs::path download(const HubSettings& settings, HubClient& client, const Repo& repo,
                  const Listing& listing, const std::vector<RemoteFile>& files,
                  const DownloadProgress& progress) {
  const RepoCache cache(settings.cache, repo);
  const fs::path snapshot = cache.snapshot(listing.commit);
  std::vector<RemoteFile> missing;
  int64_t bytes = 0;
  for (const RemoteFile& file : files) {
    if (fs::exists(snapshot / file.name)) continue;
    missing.push_back(file);
    bytes += file.size.value_or(0);
  }
  if (!missing.empty()) {
    require_space(settings.cache, bytes, repo.id);
    log::info(fmt::format("fetching {} files ({}) of {} from {} into {}", missing.size(),
                          human_size(bytes), repo.id, settings.endpoint, settings.cache.string()));
    Meter meter(shown_by(progress), bytes);
    for (const RemoteFile& file : missing) {
      meter.begin(file.name);
      fetch_file(settings, client, repo, listing.commit, file, meter);
    }
    meter.finish();
  }
  cache.remember(listing.commit);
  return snapshot;
}

}  // namespace aieb::hub

void aieb::set_download_display(DownloadProgress display) {
  aieb::hub::download_display() = std::move(display);
}
