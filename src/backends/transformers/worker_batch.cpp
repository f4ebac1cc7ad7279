#include "backends/transformers/worker_batch.h"

#include <utility>

#include "core/clock.h"

namespace aieb {
namespace {

/// A search counts a token for every step; the answer it chose may be shorter.
void trim_arrivals(RequestRecord& record) {
  int64_t surplus = -record.output_tokens.value_or(0);
  for (const TokenArrival& arrival : record.token_times) surplus += arrival.count;
  while (surplus > 0 && !record.token_times.empty()) {
    --surplus;
    if (--record.token_times.back().count == 0) record.token_times.pop_back();
  }
  if (!record.token_times.empty()) record.last_token_ns = record.token_times.back().t_ns;
}

}  // namespace

WorkerBatch::WorkerBatch(std::span<const Request> requests, RunContext& context)
    : context_(context) {
  for (const Request& request : requests) {
    RequestRecord& record = open_[request.id];
    record.id = request.id;
    record.prompt_index = request.prompt_index;
    record.repeat = context.repeat;
    record.session = request.session;
    record.queued_ns = now_ns();
  }
}

void WorkerBatch::take(const Json& event) {
  const std::string kind = event.value("type", "");
  if (kind == "started") start(event);
  if (kind == "tokens") note_tokens(event);
  if (kind == "finished") finish(event);
  if (kind == "failed") {
    for (const Json& id : event.at("ids")) {
      const auto found = open_.find(id.get<int64_t>());
      if (found == open_.end()) continue;
      fail(found->second, event.at("t_ns"), event.at("error_class"), event.at("text"));
      close(found->first);
    }
  }
}

void WorkerBatch::start(const Json& event) {
  started_ns_ = event.at("t_ns").get<int64_t>();
  for (const Json& request : event.at("requests")) {
    const auto found = open_.find(request.at("id").get<int64_t>());
    if (found == open_.end()) continue;
    RequestRecord& record = found->second;
    record.sent_ns = started_ns_;
    record.prompt_tokens = request.at("prompt_tokens").get<int64_t>();
    for (const char* key : {"notices", "prompt_token_ids"}) {
      if (request.contains(key)) record.extra[key] = request[key];
    }
    context_.sink.request_started(record);
  }
}

void WorkerBatch::note_tokens(const Json& event) {
  const auto t_ns = event.at("t_ns").get<int64_t>();
  if (!first_token_ns_) first_token_ns_ = t_ns;
  for (const Json& id : event.at("ids")) {
    const auto found = open_.find(id.get<int64_t>());
    if (found == open_.end()) continue;
    RequestRecord& record = found->second;
    if (!record.first_token_ns) record.first_token_ns = t_ns;
    record.last_token_ns = t_ns;
    if (!record.token_times.empty() && record.token_times.back().t_ns == t_ns) {
      ++record.token_times.back().count;  // another sequence of the same request
    } else {
      record.token_times.push_back({t_ns, 1});
    }
  }
  context_.sink.tokens_arrived(static_cast<int>(event.at("ids").size()));
}

void WorkerBatch::finish(const Json& event) {
  const auto found = open_.find(event.at("id").get<int64_t>());
  if (found == open_.end()) return;
  RequestRecord& record = found->second;
  record.finish_reason = event.at("finish_reason");
  record.output_tokens = event.at("output_tokens").get<int64_t>();
  record.text = event.at("text");
  for (const char* key : {"token_ids", "sequences", "last_logits"}) {
    if (event.contains(key)) record.extra[key] = event[key];
  }
  trim_arrivals(record);
  const bool cancelled = record.finish_reason == "cancelled";
  if (cancelled && !blamed_class_.empty()) {
    fail(record, event.at("t_ns"), blamed_class_, blamed_error_);
  } else {
    record.status = cancelled ? RequestStatus::kCancelled : RequestStatus::kOk;
    record.done_ns = record.last_token_ns.value_or(event.at("t_ns").get<int64_t>());
  }
  close(found->first);
}

void WorkerBatch::blame(std::string error_class, std::string error) {
  blamed_class_ = std::move(error_class);
  blamed_error_ = std::move(error);
}

void WorkerBatch::end_all(const std::string& error_class, const std::string& error) {
  while (!open_.empty()) {
    RequestRecord& record = open_.begin()->second;
    fail(record, now_ns(), error_class, error);
    if (context_.stop.stop_requested()) record.status = RequestStatus::kCancelled;
    close(open_.begin()->first);
  }
}

void WorkerBatch::fail(RequestRecord& record, int64_t t_ns, const std::string& error_class,
                       const std::string& error) {
  if (!record.sent_ns) {
    record.sent_ns = t_ns;
    context_.sink.request_started(record);
  }
  record.status = RequestStatus::kFailed;
  record.error_class = error_class;
  record.error = error;
  record.done_ns = t_ns;
}

void WorkerBatch::close(int64_t id) {
  context_.sink.request_finished(std::move(open_.at(id)));
  open_.erase(id);
}

}  // namespace aieb
