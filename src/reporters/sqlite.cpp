#include "reporters/sqlite.h"

#include <array>
#include <cstring>
#include <memory>

#include <sqlite3.h>

#include "core/clock.h"
#include "core/error.h"
#include "reporters/json_access.h"
#include "reporters/metric_table.h"
#include "reporters/results_json.h"

namespace aieb {
namespace {

struct Close {
  void operator()(sqlite3* db) const { sqlite3_close(db); }
};
using Connection = std::unique_ptr<sqlite3, Close>;

struct Finalize {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};

/// `what` was being done, to which database.
[[noreturn]] void fail(sqlite3* db, const std::string& what) {
  throw EnvironmentError(what + ": " + sqlite3_errmsg(db) +
                         ". Choose another file, or move that one away.");
}

void execute(sqlite3* db, const std::string& sql, const std::string& what) {
  if (sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) fail(db, what);
}

Connection open(const std::string& path, int flags) {
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &raw, flags, nullptr);
  Connection db(raw);
  if (code != SQLITE_OK) fail(db.get(), "cannot open " + path);
  constexpr int kPatienceMs = 10'000;  // another run may be writing
  sqlite3_busy_timeout(db.get(), kPatienceMs);
  return db;
}

constexpr const char* kSchema = R"sql(
CREATE TABLE runs (
  run_id TEXT PRIMARY KEY, started TEXT, name TEXT, backend TEXT, engine TEXT, model TEXT,
  tool_version TEXT, config TEXT, environment TEXT, protocol TEXT, warnings TEXT);
CREATE TABLE metrics (
  run_id TEXT, key TEXT, label TEXT, unit TEXT, value REAL, text TEXT, uncertainty REAL,
  source TEXT, reason TEXT, PRIMARY KEY (run_id, key)) WITHOUT ROWID;
CREATE TABLE per_prompt (
  run_id TEXT, "index" INTEGER, repeat INTEGER, start_s REAL, success INTEGER, status TEXT,
  error TEXT, error_class TEXT, prompt_tokens INTEGER, cached_tokens INTEGER,
  completion_tokens INTEGER, reasoning_tokens INTEGER, finish_reason TEXT, ttft_s REAL, ttfa_s REAL,
  tpot_s REAL, latency_s REAL, send_lag_s REAL, ttft_from_planned_s REAL,
  latency_from_planned_s REAL, meets_slo INTEGER, energy_wh REAL, energy_uncertainty_wh REAL,
  active_energy_wh REAL, energy_source TEXT, text TEXT);
CREATE INDEX per_prompt_run ON per_prompt (run_id);
)sql";

constexpr std::array kTables = {"runs", "metrics", "per_prompt"};

/// Columns of per_prompt after run_id; keys of prompt_json.
constexpr std::array kPromptColumns = {"index",
                                       "repeat",
                                       "start_s",
                                       "success",
                                       "status",
                                       "error",
                                       "error_class",
                                       "prompt_tokens",
                                       "cached_tokens",
                                       "completion_tokens",
                                       "reasoning_tokens",
                                       "finish_reason",
                                       "ttft_s",
                                       "ttfa_s",
                                       "tpot_s",
                                       "latency_s",
                                       "send_lag_s",
                                       "ttft_from_planned_s",
                                       "latency_from_planned_s",
                                       "meets_slo",
                                       "energy_wh",
                                       "energy_uncertainty_wh",
                                       "active_energy_wh",
                                       "energy_source",
                                       "text"};

/// One prepared INSERT.
class Insert {
 public:
  Insert(sqlite3* db, const char* table, size_t columns) : db_(db) {
    std::string sql = "INSERT INTO " + std::string(table) + " VALUES (?";
    for (size_t i = 1; i < columns; ++i) sql += ",?";
    sqlite3_stmt* raw = nullptr;
    if (sqlite3_prepare_v2(db, (sql + ")").c_str(), -1, &raw, nullptr) != SQLITE_OK) {
      fail(db, "cannot write table " + std::string(table));
    }
    statement_.reset(raw);
  }

  void row(const std::vector<Json>& values) {
    for (size_t i = 0; i < values.size(); ++i) bind(static_cast<int>(i) + 1, values[i]);
    if (sqlite3_step(statement_.get()) != SQLITE_DONE) fail(db_, "cannot write a row");
    sqlite3_reset(statement_.get());
  }

 private:
  void bind(int column, const Json& value) {
    if (value.is_null()) {
      sqlite3_bind_null(statement_.get(), column);
    } else if (value.is_boolean()) {
      sqlite3_bind_int(statement_.get(), column, value.get<bool>() ? 1 : 0);
    } else if (value.is_number_integer()) {
      sqlite3_bind_int64(statement_.get(), column, value.get<int64_t>());
    } else if (value.is_number()) {
      sqlite3_bind_double(statement_.get(), column, value.get<double>());
    } else {
      const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
      sqlite3_bind_text(statement_.get(), column, text.data(), static_cast<int>(text.size()),
                        SQLITE_TRANSIENT);
    }
  }

  sqlite3* db_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

void add_run(sqlite3* db, const Results& r) {
  Insert(db, "runs", 11)
      .row({r.run_id, iso_utc(r.started_wall_ns), r.name, r.backend, r.engine, r.model,
            r.tool_version, r.config.dump(-1, ' ', false, Json::error_handler_t::replace),
            r.environment.dump(-1, ' ', false, Json::error_handler_t::replace), r.protocol.dump(),
            Json(r.warnings).dump(-1, ' ', false, Json::error_handler_t::replace)});
}

/// The uncertainty, source and reason of a quantity stand in its row, not in rows of their own.
void add_quantity(Insert& insert, const Results& r, const Metric& m, const Quantity& q) {
  const std::string unit = m.unit.empty() ? q.unit : std::string(m.unit);
  insert.row({r.run_id, m.key, m.label, unit, q.known() ? Json(*q.value) : Json(), Json(),
              q.known() ? Json(q.uncertainty()) : Json(), to_string(q.source),
              q.reason.empty() ? Json() : Json(q.reason)});
}

void add_metrics(sqlite3* db, const Results& r) {
  Insert insert(db, "metrics", 9);
  for (const Metric& m : metric_table()) {
    const MetricValue value = m.get(r);
    if (const auto* quantity = std::get_if<Quantity>(&value)) {
      add_quantity(insert, r, m, *quantity);
      continue;
    }
    for (const Field& field : fields(m, m.key, r)) {
      const bool is_text = field.value.is_string();
      const Json number =
          field.value.is_boolean() ? Json(field.value.get<bool>() ? 1 : 0) : field.value;
      insert.row({r.run_id, field.name, m.label, m.unit, is_text ? Json() : number,
                  is_text ? field.value : Json(), Json(), Json(), Json()});
    }
  }
}

void add_prompts(sqlite3* db, const Results& r) {
  Insert insert(db, "per_prompt", kPromptColumns.size() + 1);
  for (const RequestResult& request : r.requests) {
    const Json prompt = prompt_json(request);
    std::vector<Json> values = {r.run_id};
    for (const char* column : kPromptColumns) values.push_back(prompt.at(column));
    insert.row(values);
  }
}

}  // namespace

std::string sqlite_report(const Results& results) {
  const Connection db = open(":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  execute(db.get(), kSchema, "cannot make a database");
  execute(db.get(), "BEGIN", "cannot fill a database");
  add_run(db.get(), results);
  add_metrics(db.get(), results);
  add_prompts(db.get(), results);
  execute(db.get(), "COMMIT", "cannot fill a database");
  sqlite3_int64 size = 0;
  unsigned char* bytes = sqlite3_serialize(db.get(), "main", &size, 0);
  if (bytes == nullptr) fail(db.get(), "cannot make a database");
  const std::string out(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
  sqlite3_free(bytes);
  return out;
}

void add_to_database(const std::string& path, std::string_view bytes) {
  const Connection db = open(path, SQLITE_OPEN_READWRITE);
  const std::string what = "cannot add the run to " + path;
  execute(db.get(), "ATTACH ':memory:' AS incoming", what);
  auto* copy = static_cast<unsigned char*>(sqlite3_malloc64(bytes.size()));
  if (copy == nullptr) throw EnvironmentError(what + ": out of memory");
  std::memcpy(copy, bytes.data(), bytes.size());
  const auto size = static_cast<sqlite3_int64>(bytes.size());
  if (sqlite3_deserialize(db.get(), "incoming", copy, size, size, SQLITE_DESERIALIZE_FREEONCLOSE) !=
      SQLITE_OK) {
    fail(db.get(), what);
  }
  execute(db.get(), "BEGIN IMMEDIATE", what);
  for (const char* table : kTables) {
    const std::string t = table;
    execute(db.get(),
            "DELETE FROM main." + t + " WHERE run_id IN (SELECT run_id FROM incoming.runs)", what);
    execute(db.get(), "INSERT INTO main." + t + " SELECT * FROM incoming." + t, what);
  }
  execute(db.get(), "COMMIT", what);
}

void require_database(const std::string& path) {
  const Connection db = open(path, SQLITE_OPEN_READWRITE);
  for (const char* table : kTables) {
    execute(db.get(), "SELECT run_id FROM main." + std::string(table) + " LIMIT 1",
            "cannot add runs to " + path);
  }
}

}  // namespace aieb
