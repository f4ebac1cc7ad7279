#include "trace/reader.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <utility>

#include <sqlite3.h>
#include <unistd.h>

#include "core/error.h"
#include "trace/schema.h"
#include "trace/sqlite_db.h"
#include "trace/storage.h"
#include "trace/token_times.h"

namespace aieb {
namespace fs = std::filesystem;
namespace {

/// Calls `row(statement)` for every row of a query.
template <typename Row>
void for_each(Database& database, const char* sql, Row row) {
  Statement statement(database, sql);
  while (statement.step()) row(statement);
}

/// The enum value behind a name, or an error: guessing would misread a run.
template <typename Enum>
Enum named(std::optional<Enum> value, const char* column, const std::string& name) {
  if (!value) throw std::invalid_argument(std::string("unknown ") + column + " '" + name + "'");
  return *value;
}

void read_meta(Database& db, Trace& trace) {
  for_each(db, "SELECT key, value FROM meta",
           [&](Statement& row) { trace.meta[row.text(0)] = row.text(1); });
}

void check_version(const Trace& trace) {
  const auto it = trace.meta.find(meta::kSchemaVersion);
  if (it == trace.meta.end()) throw std::invalid_argument("it has no schema_version");
  const char* end = it->second.data() + it->second.size();
  int version = 0;
  const auto read = std::from_chars(it->second.data(), end, version);
  if (read.ec != std::errc() || read.ptr != end) {
    throw std::invalid_argument("its schema_version '" + it->second + "' is no number");
  }
  if (version <= schema::kVersion) return;
  throw EnvironmentError("a newer version of this tool wrote the trace (schema version " +
                         it->second + ", this one reads up to " + std::to_string(schema::kVersion) +
                         "): update aieb");
}

/// Found here, a damaged document is an error that names the file.
void check_documents(const Trace& trace) {
  for (const char* key : meta::kDocuments) {
    const auto it = trace.meta.find(key);
    if (it != trace.meta.end() && !Json::accept(it->second)) {
      throw std::invalid_argument(std::string("its meta value '") + key + "' is not valid JSON");
    }
  }
}

void read_clock(Database& db, Trace& trace) {
  for_each(db, "SELECT mono_ns, wall_ns, uncertainty_ns FROM clock ORDER BY mono_ns",
           [&](Statement& row) {
             trace.clock.push_back({row.integer(0), row.integer(1), row.integer(2)});
           });
}

void read_phases(Database& db, Trace& trace) {
  for_each(db, "SELECT id, kind, repeat, start_ns, end_ns FROM phase ORDER BY start_ns, id",
           [&](Statement& row) {
             Phase phase;
             phase.id = row.integer(0);
             phase.kind = named(phase_kind_from(row.text(1)), "phase kind", row.text(1));
             phase.repeat = static_cast<int>(row.integer(2));
             phase.start_ns = row.integer(3);
             phase.end_ns = row.optional_integer(4).value_or(0);
             trace.phases.push_back(phase);
           });
}

RequestRecord request_from(const Statement& row) {
  RequestRecord r;
  int column = 0;
  r.id = row.integer(column++);
  r.prompt_index = static_cast<int>(row.integer(column++));
  r.repeat = static_cast<int>(row.integer(column++));
  r.session = row.text(column++);
  for (auto* time :
       {&r.planned_ns, &r.queued_ns, &r.sent_ns, &r.first_token_ns, &r.last_token_ns, &r.done_ns}) {
    *time = row.optional_integer(column++);
  }
  const std::string status = row.text(column++);
  r.status = named(request_status_from(status), "request status", status);
  r.error_class = row.text(column++);
  r.error = row.text(column++);
  for (auto* count : {&r.prompt_tokens, &r.cached_tokens, &r.output_tokens, &r.reasoning_tokens}) {
    *count = row.optional_integer(column++);
  }
  r.finish_reason = row.text(column++);
  r.text = row.text(column++);
  r.extra = Json::parse(row.text(column++));
  if (!row.is_null(column)) r.token_times = unpack_token_times(row.blob(column));
  return r;
}

void read_requests(Database& db, Trace& trace) {
  for_each(db,
           "SELECT r.id, prompt_index, repeat, session, planned_ns, queued_ns, sent_ns, "
           "first_token_ns, last_token_ns, done_ns, status, error_class, error, prompt_tokens, "
           "cached_tokens, output_tokens, reasoning_tokens, finish_reason, text, extra, t.packed "
           "FROM request r LEFT JOIN token_times t ON t.request_id = r.id ORDER BY r.id",
           [&](Statement& row) { trace.requests.push_back(request_from(row)); });
}

void read_domains(Database& db, Trace& trace) {
  for_each(db,
           "SELECT id, meter, component, \"index\", name, kind, unit, resolution, "
           "update_period_ns, gain_uncertainty, note, averaging_ns FROM domain ORDER BY id",
           [&](Statement& row) {
             Domain d;
             d.id = static_cast<int>(row.integer(0));
             d.meter = row.text(1);
             d.component = named(component_from(row.text(2)), "component", row.text(2));
             d.index = static_cast<int>(row.integer(3));
             d.name = row.text(4);
             d.kind = named(domain_kind_from(row.text(5)), "domain kind", row.text(5));
             d.unit = row.text(6);
             d.resolution = row.real(7);
             d.update_period_ns = row.integer(8);
             d.gain_uncertainty = row.real(9);
             d.note = row.text(10);
             d.averaging_ns = row.integer(11);
             trace.domains.push_back(std::move(d));
           });
}

void read_samples(Database& db, Trace& trace) {
  for_each(db, "SELECT domain_id, t_ns, value FROM sample", [&](Statement& row) {
    trace.samples.push_back({static_cast<int>(row.integer(0)), row.integer(1), row.real(2)});
  });
  std::stable_sort(trace.samples.begin(), trace.samples.end(),
                   [](const Sample& a, const Sample& b) {
                     return std::pair(a.domain_id, a.t_ns) < std::pair(b.domain_id, b.t_ns);
                   });
}

void read_events(Database& db, Trace& trace) {
  for_each(db, "SELECT t_ns, kind, data FROM event ORDER BY t_ns, rowid", [&](Statement& row) {
    trace.events.push_back({row.integer(0), row.text(1), Json::parse(row.text(2))});
  });
}

int64_t last_known_time(const Trace& trace) {
  int64_t last = 0;
  const auto see = [&last](std::optional<int64_t> t) { last = std::max(last, t.value_or(0)); };
  for (const ClockPair& pair : trace.clock) see(pair.mono_ns);
  for (const Phase& phase : trace.phases) see(std::max(phase.start_ns, phase.end_ns));
  for (const Sample& sample : trace.samples) see(sample.t_ns);
  for (const TraceEvent& event : trace.events) see(event.t_ns);
  for (const RequestRecord& r : trace.requests) {
    for (const auto& t : {r.queued_ns, r.sent_ns, r.first_token_ns, r.last_token_ns, r.done_ns}) {
      see(t);
    }
  }
  return last;
}

/// A phase that nobody closed ends where the next one begins, else with the trace.
void close_open_phases(Trace& trace) {
  int64_t end = last_known_time(trace);
  for (auto phase = trace.phases.rbegin(); phase != trace.phases.rend(); ++phase) {
    if (phase->end_ns == 0) phase->end_ns = std::max(phase->start_ns, end);
    end = phase->start_ns;
  }
}

Trace read_file(const std::string& path) {
  Database db(path, Database::Mode::kReadOnly);
  db.execute("BEGIN");  // one state of a file that is still being written
  Trace trace;
  read_meta(db, trace);
  check_version(trace);
  check_documents(trace);
  read_clock(db, trace);
  read_phases(db, trace);
  read_requests(db, trace);
  read_domains(db, trace);
  read_samples(db, trace);
  read_events(db, trace);
  close_open_phases(trace);
  return trace;
}

/// Reading a file with a write-ahead log needs a writable folder (SQLite keeps an index of the log
/// beside it). Where there is none, a copy is read.
Trace read_copy(const std::string& path) {
  const fs::path folder = make_private_folder();
  const fs::path copy = folder / "trace.db";
  fs::copy_file(path, copy);
  if (fs::exists(path + "-wal")) fs::copy_file(path + "-wal", copy.string() + "-wal");
  struct RemoveLater {
    fs::path folder;
    ~RemoveLater() {
      std::error_code ignored;
      fs::remove_all(folder, ignored);
    }
  } const remove_later{folder};
  return read_file(copy.string());
}

bool needs_copy(int sqlite_code) {
  return sqlite_code == SQLITE_CANTOPEN || sqlite_code == SQLITE_READONLY;
}

Trace read_file_or_copy(const std::string& path) {
  try {
    return read_file(path);
  } catch (const SqliteError& error) {
    if (!needs_copy(error.code())) throw;
    return read_copy(path);
  }
}

}  // namespace

Trace read_trace(const std::string& path) {
  std::error_code ignored;
  if (!fs::is_regular_file(path, ignored)) {
    throw ConfigError("there is no trace '" + path + "' (aieb list shows those of an output_dir)");
  }
  if (::access(path.c_str(), R_OK) != 0) {
    throw EnvironmentError("the trace '" + path + "' may not be read: chmod +r '" + path + "'");
  }
  try {
    Trace trace = read_file_or_copy(path);
    trace.path = path;
    return trace;
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    throw DataError("'" + path + "' is not a readable trace: " + error.what());
  }
}

}  // namespace aieb
