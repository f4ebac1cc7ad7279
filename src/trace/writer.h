#pragma once

#include <future>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/events.h"
#include "trace/sqlite_db.h"

namespace aieb {

/// What is known of a request when it leaves.
struct RequestStart {
  int64_t id = 0;
  int prompt_index = 0;
  int repeat = 0;
  std::string session;
  std::optional<int64_t> planned_ns;
  std::optional<int64_t> queued_ns;
  std::optional<int64_t> sent_ns;
  Json extra;
};
/// A request that left and ended within one batch: one row written instead of two.
struct WholeRequest {
  RequestRecord record;
};
struct MetaEntry {
  std::string key;
  std::string value;
};
/// Fulfilled when everything queued before it is committed.
struct FlushMark {
  std::promise<void>* done = nullptr;
};

/// Everything that travels from the recording threads to the writer thread. A finished request is
/// a bare RequestRecord.
using TraceMessage = std::variant<std::monostate, RequestStart, WholeRequest, RequestRecord, Phase,
                                  Domain, std::vector<Sample>, TraceEvent, MetaEntry, FlushMark>;

/// Turns messages into rows of an open trace database. One thread only. Throws SqliteError.
class TraceWriter {
 public:
  explicit TraceWriter(Database& database);

  void begin() { begin_.run(); }
  void commit() { commit_.run(); }
  /// Never throws: SQLite may have rolled back by itself.
  void rollback() noexcept;

  void write(const TraceMessage& message);
  void write(const ClockPair& pair);

 private:
  void write_row(const std::monostate&) {}
  void write_row(const FlushMark&) {}
  void write_row(const RequestStart& start);
  void write_row(const WholeRequest& request);
  void write_row(const RequestRecord& record);
  void write_row(const Phase& phase);
  void write_row(const Domain& domain);
  void write_row(const std::vector<Sample>& samples);
  void write_row(const TraceEvent& event);
  void write_row(const MetaEntry& entry);
  void warn_of_known(int64_t request_id);
  void write_request(const RequestRecord& record, RequestStatus status);

  Statement begin_;
  Statement commit_;
  Statement rollback_;
  Statement request_;
  Statement known_request_;
  Statement token_times_;
  Statement phase_;
  Statement domain_;
  Statement sample_;
  Statement event_;
  Statement meta_;
  Statement clock_;
};

}  // namespace aieb
