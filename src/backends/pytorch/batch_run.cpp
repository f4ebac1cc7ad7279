#include "backends/pytorch/batch_run.h"

#include <algorithm>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>

#include "core/clock.h"
#include "core/error.h"
#include "engine/generate/generator.h"

namespace aieb {
namespace {

using engine::Continuation;
using engine::Finish;

/// A request on its way through the batch; it owns one or several rows.
struct InFlight {
  const Request* request = nullptr;
  RequestRecord record;
  size_t first_row = 0;
  size_t rows = 0;
};

class BatchRun {
 public:
  BatchRun(engine::Model& model, engine::Generator& generator, const PromptText& text,
           const BatchSettings& settings, RunContext& context)
      : decoder_(*model.decoder),
        fit_(*model.fit),
        generator_(generator),
        text_(text),
        settings_(settings),
        context_(context) {}

  void run(std::span<const Request> requests) {
    for (const Request& request : requests) admit(request);
    if (flights_.empty()) return;
    const int64_t start = now_ns();
    for (auto& flight : flights_) {
      flight.record.sent_ns = start;
      context_.sink.request_started(flight.record);
    }
    try {
      finish(generator_.generate(prompts_, hooks(), context_.stop));
    } catch (const engine::OutOfMemory& error) {
      fail_all("out_of_memory", error.what());
    } catch (const c10::OutOfMemoryError& error) {
      fail_all("out_of_memory", out_of_memory(error.what_without_backtrace()));
    } catch (const std::bad_alloc& error) {
      fail_all("out_of_memory", out_of_memory(error.what()));
    } catch (const c10::Error& error) {
      const std::string what = error.what_without_backtrace();
      // The CPU allocator has no exception type of its own.
      const bool memory = what.find("can't allocate memory") != std::string::npos;
      fail_all(memory ? "out_of_memory" : "engine", memory ? out_of_memory(what) : what);
    }
  }

 private:
  /// Tokenises a request and gives it rows, or reports it as failed.
  void admit(const Request& request) {
    InFlight flight;
    flight.request = &request;
    RequestRecord& record = flight.record;
    record.id = request.id;
    record.prompt_index = request.prompt_index;
    record.repeat = context_.repeat;
    record.session = request.session;
    record.queued_ns = now_ns();
    engine::GenerationSettings generation =
        engine::resolve_settings(request.params, settings_.defaults, settings_.pad);
    generation.use_cache = generation.use_cache && settings_.use_cache;
    generation.seed =
        request.params.seed.value_or(settings_.seed) + static_cast<uint64_t>(request.prompt_index);
    try {
      std::vector<int64_t> tokens = text_.encode(request);
      fit(tokens, generation, record);
      record.prompt_tokens = static_cast<int64_t>(tokens.size());
      if (settings_.return_logits) record.extra["prompt_token_ids"] = tokens;
      add_rows(flight, std::move(tokens), generation);
    } catch (const DataError& error) {
      reject(std::move(record), "context_too_long", error.what());
    } catch (const ModelError& error) {  // the chat template refused these messages
      reject(std::move(record), "chat_template", error.what());
    }
  }

  void add_rows(InFlight& flight, std::vector<int64_t> tokens,
                engine::GenerationSettings generation) {
    const int count = flight.request->params.num_return_sequences;
    if (count > 1 && !generation.sample) {
      throw ConfigError(
          "scenario.generate_kwargs.num_return_sequences: greedy decoding has only one "
          "answer; set do_sample: true or num_return_sequences: 1");
    }
    flight.first_row = prompts_.size();
    flight.rows = static_cast<size_t>(std::max(count, 1));
    for (size_t i = 0; i < flight.rows; ++i) {
      prompts_.push_back({tokens, generation});
      // Streams of one request differ; the generator reads the low 32 bits of a seed.
      prompts_.back().settings.seed += i * 0x9E3779B9U;
      flight_of_row_.push_back(flights_.size());
    }
    flights_.push_back(std::move(flight));
  }

  /// Makes prompt and answer fit the context length, from the front of the prompt: its end holds
  /// the question. Throws DataError when that is not allowed or not possible.
  void fit(std::vector<int64_t>& tokens, const engine::GenerationSettings& generation,
           RequestRecord& record) const {
    if (tokens.empty()) throw DataError("the prompt has no tokens");
    const int64_t context = decoder_.spec().max_position;
    const auto length = static_cast<int64_t>(tokens.size());
    if (context == 0 || length + generation.max_new_tokens <= context) return;
    const int64_t room = context - generation.max_new_tokens;
    const std::string what = "prompt (" + std::to_string(length) + " tokens) and max_new_tokens (" +
                             std::to_string(generation.max_new_tokens) +
                             ") exceed the model's context length of " + std::to_string(context);
    if (!settings_.truncate || room < 1) {
      throw DataError(what + "; lower scenario.generate_kwargs.max_new_tokens" +
                      (settings_.truncate ? "" : " or set scenario.truncation: true"));
    }
    tokens.erase(tokens.begin(), tokens.begin() + (length - room));
    record.extra["notices"].push_back(what + ": the first " + std::to_string(length - room) +
                                      " tokens of the prompt were left out");
  }

  [[nodiscard]] engine::GenerationHooks hooks() {
    engine::GenerationHooks hooks;
    hooks.on_tokens = [this](std::span<const size_t> rows) { note_arrivals(rows); };
    hooks.decode = [this](std::span<const int64_t> tokens) { return text_.decode(tokens); };
    hooks.keep_prompt_logits = settings_.return_logits;
    return hooks;
  }

  void note_arrivals(std::span<const size_t> rows) {
    const int64_t now = now_ns();
    for (const size_t row : rows) {
      RequestRecord& record = flights_[flight_of_row_[row]].record;
      if (!record.first_token_ns) record.first_token_ns = now;
      record.last_token_ns = now;
      if (!record.token_times.empty() && record.token_times.back().t_ns == now) {
        ++record.token_times.back().count;  // another sequence of the same request
      } else {
        record.token_times.push_back({now, 1});
      }
    }
    context_.sink.tokens_arrived(static_cast<int>(rows.size()));
  }

  void finish(const std::vector<Continuation>& results) {
    for (auto& flight : flights_) {
      const Continuation& first = results[flight.first_row];
      RequestRecord& record = flight.record;
      const bool cancelled = first.finish == Finish::kCancelled;
      record.status = cancelled ? RequestStatus::kCancelled : RequestStatus::kOk;
      record.finish_reason = cancelled                         ? "cancelled"
                             : first.finish == Finish::kLength ? "length"
                                                               : "stop";
      int64_t produced = 0;
      for (size_t i = 0; i < flight.rows; ++i) {
        produced += static_cast<int64_t>(results[flight.first_row + i].tokens.size());
      }
      record.output_tokens = produced;
      record.text = flight.request->response_prefix + text_.decode(first.tokens);
      record.extra["token_ids"] = first.tokens;
      if (first.prompt_logits.defined()) record.extra["last_logits"] = numbers(first.prompt_logits);
      if (flight.rows > 1) record.extra["sequences"] = sequences(flight, results);
      record.done_ns = record.last_token_ns.value_or(now_ns());
      context_.sink.request_finished(std::move(record));
    }
  }

  [[nodiscard]] Json sequences(const InFlight& flight,
                               const std::vector<Continuation>& results) const {
    Json list = Json::array();
    for (size_t i = 0; i < flight.rows; ++i) {
      const auto& tokens = results[flight.first_row + i].tokens;
      list.push_back({{"token_ids", tokens}, {"text", text_.decode(tokens)}});
    }
    return list;
  }

  static Json numbers(const at::Tensor& row) {
    const at::Tensor values = row.contiguous();
    return std::vector<float>(values.const_data_ptr<float>(),
                              values.const_data_ptr<float>() + values.numel());
  }

  void reject(RequestRecord record, std::string error_class, std::string error) {
    record.sent_ns = now_ns();
    context_.sink.request_started(record);
    fail(std::move(record), std::move(error_class), std::move(error));
  }

  void fail_all(const std::string& error_class, const std::string& error) {
    for (auto& flight : flights_) fail(std::move(flight.record), error_class, error);
  }

  void fail(RequestRecord record, std::string error_class, std::string error) {
    record.status = RequestStatus::kFailed;
    record.error_class = std::move(error_class);
    record.error = std::move(error);
    record.done_ns = now_ns();
    context_.sink.request_finished(std::move(record));
  }

  /// What failed although weights and cache fit: activations, mostly.
  [[nodiscard]] std::string out_of_memory(const std::string& what) const {
    size_t longest = 0;
    int64_t new_tokens = 0;
    for (const auto& prompt : prompts_) {
      longest = std::max(longest, prompt.tokens.size());
      new_tokens = std::max(new_tokens, prompt.settings.max_new_tokens);
    }
    return fit_.failed_allocation({.batch = static_cast<int64_t>(prompts_.size()),
                                   .positions = static_cast<int64_t>(longest) + new_tokens},
                                  what.substr(0, what.find('\n')));
  }

  engine::Decoder& decoder_;
  const engine::FitCheck& fit_;
  engine::Generator& generator_;
  const PromptText& text_;
  const BatchSettings& settings_;
  RunContext& context_;
  std::vector<InFlight> flights_;
  std::vector<engine::Prompt> prompts_;
  std::vector<size_t> flight_of_row_;
};

}  // namespace

void run_batch(engine::Model& model, engine::Generator& generator, const PromptText& text,
               const BatchSettings& settings, std::span<const Request> requests,
               RunContext& context) {
  BatchRun(model, generator, text, settings, context).run(requests);
}

}  // namespace aieb
