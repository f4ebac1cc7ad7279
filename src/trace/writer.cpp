#include "trace/writer.h"

#include "core/clock.h"
#include "trace/token_times.h"

namespace aieb {

TraceWriter::TraceWriter(Database& db)
    : begin_(db, "BEGIN IMMEDIATE"),
      commit_(db, "COMMIT"),
      rollback_(db, "ROLLBACK"),
      request_(db,
               "INSERT OR REPLACE INTO request VALUES "
               "(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20)"),
      known_request_(db, "SELECT 1 FROM request WHERE id = ?1"),
      token_times_(db, "INSERT OR REPLACE INTO token_times VALUES (?1,?2)"),
      phase_(db, "INSERT OR REPLACE INTO phase VALUES (?1,?2,?3,?4,?5)"),
      domain_(db, "INSERT OR REPLACE INTO domain VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12)"),
      sample_(db, "INSERT INTO sample VALUES (?1,?2,?3)"),
      event_(db, "INSERT INTO event VALUES (?1,?2,?3)"),
      meta_(db, "INSERT OR REPLACE INTO meta VALUES (?1,?2)"),
      clock_(db, "INSERT INTO clock VALUES (?1,?2,?3)") {}

void TraceWriter::rollback() noexcept {
  try {
    rollback_.run();
  } catch (const SqliteError&) {
    // No transaction was open any more, which is what was wanted.
  }
}

void TraceWriter::write(const TraceMessage& message) {
  std::visit([this](const auto& row) { write_row(row); }, message);
}

void TraceWriter::write(const ClockPair& pair) {
  clock_.run(pair.mono_ns, pair.wall_ns, pair.uncertainty_ns);
}

void TraceWriter::write_row(const RequestStart& start) {
  warn_of_known(start.id);
  RequestRecord record;
  record.id = start.id;
  record.prompt_index = start.prompt_index;
  record.repeat = start.repeat;
  record.session = start.session;
  record.planned_ns = start.planned_ns;
  record.queued_ns = start.queued_ns;
  record.sent_ns = start.sent_ns;
  record.extra = start.extra;
  write_request(record, RequestStatus::kLost);
}

void TraceWriter::write_row(const WholeRequest& request) {
  warn_of_known(request.record.id);
  write_row(request.record);
}

void TraceWriter::warn_of_known(int64_t request_id) {
  known_request_.bind_all(request_id);
  const bool used_before = known_request_.step();
  known_request_.reset();
  if (used_before) {
    write_row(TraceEvent{now_ns(),
                         "warning",
                         {{"message",
                           "a request id was used twice; the later record replaces "
                           "the earlier one"},
                          {"request_id", request_id}}});
  }
}

void TraceWriter::write_row(const RequestRecord& record) {
  write_request(record, record.status);
  if (record.token_times.empty()) return;
  const std::string packed = pack_token_times(record.token_times);
  token_times_.run(record.id, Blob{packed});
}

void TraceWriter::write_request(const RequestRecord& r, RequestStatus status) {
  // Text from a model or a server may hold broken UTF-8; it must not end the recording.
  const std::string extra = r.extra.dump(-1, ' ', false, Json::error_handler_t::replace);
  request_.run(r.id, r.prompt_index, r.repeat, r.session, r.planned_ns, r.queued_ns, r.sent_ns,
               r.first_token_ns, r.last_token_ns, r.done_ns, to_string(status), r.error_class,
               r.error, r.prompt_tokens, r.cached_tokens, r.output_tokens, r.reasoning_tokens,
               r.finish_reason, r.text, extra);
}

void TraceWriter::write_row(const Phase& p) {
  const std::optional<int64_t> end = p.end_ns == 0 ? std::nullopt : std::optional(p.end_ns);
  phase_.run(p.id, to_string(p.kind), p.repeat, p.start_ns, end);
}

void TraceWriter::write_row(const Domain& d) {
  domain_.run(d.id, d.meter, to_string(d.component), d.index, d.name, to_string(d.kind), d.unit,
              d.resolution, d.update_period_ns, d.gain_uncertainty, d.note, d.averaging_ns);
}

void TraceWriter::write_row(const std::vector<Sample>& samples) {
  for (const Sample& sample : samples) sample_.run(sample.domain_id, sample.t_ns, sample.value);
}

void TraceWriter::write_row(const TraceEvent& event) {
  const std::string data = event.data.dump(-1, ' ', false, Json::error_handler_t::replace);
  event_.run(event.t_ns, event.kind, data);
}

void TraceWriter::write_row(const MetaEntry& entry) { meta_.run(entry.key, entry.value); }

}  // namespace aieb
