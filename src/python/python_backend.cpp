#include "python/python_backend.h"

#include <optional>
#include <string>
#include <utility>

#include "config/config.h"
#include "core/clock.h"
#include "core/error.h"
#include "python/json.h"

namespace aieb::python {
namespace nb = nanobind;
namespace {

template <class T>
std::optional<T> optional_at(const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end() || found->is_null()) return std::nullopt;
  return found->get<T>();
}

std::string text_at(const Json& json, const char* key) {
  return optional_at<std::string>(json, key).value_or("");
}

/// The parameters that were set, by their names in generate_kwargs.
Json keyword_arguments(const GenerationParams& params) {
  const Json all = to_json(params);
  Json out = Json::object();
  for (const auto& [key, value] : all.items()) {
    if (!value.is_null()) out[key] = value;
  }
  return out;
}

/// Absent where the class did not count, or cannot have.
std::optional<int64_t> count_at(const Json& answer, const char* key) {
  const auto count = optional_at<int64_t>(answer, key);
  return count && *count >= 0 ? count : std::nullopt;
}

/// What the driver's `run` returned, into the record. Keys: ai_energy_benchmarks/_driver.py.
void fill(RequestRecord& record, const Json& answer) {
  const bool ok = answer.value("success", true);
  record.status = ok ? RequestStatus::kOk : RequestStatus::kFailed;
  record.error = text_at(answer, "error");
  record.error_class = ok ? "" : text_at(answer, "error_class");
  record.text = text_at(answer, "text");
  record.finish_reason = text_at(answer, "finish_reason");
  record.prompt_tokens = count_at(answer, "prompt_tokens");
  record.output_tokens = count_at(answer, "completion_tokens");
  record.reasoning_tokens = count_at(answer, "reasoning_tokens");
  if (answer.contains("token_ids") && answer["token_ids"].is_array()) {
    record.extra["token_ids"] = answer["token_ids"];
  }
  for (const Json& at : answer.value("token_times_ns", Json::array())) {
    record.token_times.push_back({at.get<int64_t>(), 1});
  }
  if (!record.token_times.empty()) record.first_token_ns = record.token_times.front().t_ns;
  if (const auto ttft_s = optional_at<double>(answer, "ttft_s"); ttft_s && record.sent_ns) {
    record.first_token_ns = *record.sent_ns + nanoseconds(*ttft_s);
  }
}

}  // namespace

void PythonBackend::call(const char* method) {
  const nb::gil_scoped_acquire gil;
  try {
    driver_.get().attr(method)();
  } catch (nb::python_error& error) {
    throw EnvironmentError(error.what());  // the driver keeps the exception for the caller
  }
}

BackendInfo PythonBackend::info() const {
  const nb::gil_scoped_acquire gil;
  const Json facts = json_from(driver_.get().attr("info")());
  BackendInfo info;
  info.type = text_at(facts, "type");
  info.engine = text_at(facts, "engine");
  info.model = text_at(facts, "model");
  info.device = text_at(facts, "device");
  info.endpoint = text_at(facts, "endpoint");
  info.in_process = facts.value("in_process", true);
  info.gpu_indices = facts.value("gpu_indices", std::vector<int>{});
  info.details = facts.value("details", Json::object());
  return info;
}

void PythonBackend::validate() { call("validate"); }
void PythonBackend::load() { call("load"); }
void PythonBackend::unload() { call("unload"); }

RequestRecord PythonBackend::answer(const Request& request, RunContext& context) {
  RequestRecord record;
  record.id = request.id;
  record.prompt_index = request.prompt_index;
  record.repeat = request.repeat;
  record.session = request.session;
  const nb::gil_scoped_acquire gil;
  const nb::object prompt = to_python(request.messages.back().content);
  const nb::object arguments = to_python(keyword_arguments(request.params));
  record.queued_ns = record.sent_ns = now_ns();
  context.sink.request_started(record);
  try {
    const nb::object answer = driver_.get().attr("run")(prompt, arguments);
    record.done_ns = now_ns();
    fill(record, json_from(answer));
  } catch (nb::python_error& error) {
    record.done_ns = now_ns();
    const bool interrupted = error.matches(PyExc_KeyboardInterrupt);
    record.status = interrupted ? RequestStatus::kCancelled : RequestStatus::kFailed;
    record.error_class = interrupted ? "cancelled" : "python";
    record.error = error.what();
  } catch (const Json::exception& error) {
    record.status = RequestStatus::kFailed;
    record.error_class = "python";
    record.error = std::string("run_inference returned values of other types: ") + error.what();
  }
  if (record.status == RequestStatus::kOk) record.last_token_ns = record.done_ns;
  return record;
}

void PythonBackend::run(const Workload& workload, RunContext& context) {
  for (const Request& request : workload.requests) {
    if (context.stop.stop_requested()) return;
    RequestRecord record = answer(request, context);
    if (record.output_tokens) context.sink.tokens_arrived(static_cast<int>(*record.output_tokens));
    context.sink.request_finished(std::move(record));
  }
}

}  // namespace aieb::python
