#include "trace/schema.h"

namespace aieb::schema {

const char* const kCreate = R"sql(
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE clock (mono_ns INTEGER NOT NULL, wall_ns INTEGER NOT NULL,
                    uncertainty_ns INTEGER NOT NULL);
CREATE TABLE phase (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, repeat INTEGER NOT NULL,
                    start_ns INTEGER NOT NULL, end_ns INTEGER);
CREATE TABLE request (id INTEGER PRIMARY KEY, prompt_index INTEGER NOT NULL,
                      repeat INTEGER NOT NULL, session TEXT NOT NULL,
                      planned_ns INTEGER, queued_ns INTEGER, sent_ns INTEGER,
                      first_token_ns INTEGER, last_token_ns INTEGER, done_ns INTEGER,
                      status TEXT NOT NULL, error_class TEXT NOT NULL, error TEXT NOT NULL,
                      prompt_tokens INTEGER, cached_tokens INTEGER,
                      output_tokens INTEGER, reasoning_tokens INTEGER,
                      finish_reason TEXT NOT NULL, text TEXT NOT NULL, extra TEXT NOT NULL);
CREATE TABLE token_times (request_id INTEGER PRIMARY KEY, packed BLOB NOT NULL);
CREATE TABLE domain (id INTEGER PRIMARY KEY, meter TEXT NOT NULL, component TEXT NOT NULL,
                     "index" INTEGER NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL,
                     unit TEXT NOT NULL, resolution REAL NOT NULL,
                     update_period_ns INTEGER NOT NULL, gain_uncertainty REAL NOT NULL,
                     note TEXT NOT NULL, averaging_ns INTEGER NOT NULL);
CREATE TABLE sample (domain_id INTEGER NOT NULL, t_ns INTEGER NOT NULL, value REAL NOT NULL);
CREATE TABLE event (t_ns INTEGER NOT NULL, kind TEXT NOT NULL, data TEXT NOT NULL);
)sql";

}  // namespace aieb::schema
