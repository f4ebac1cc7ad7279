// The pytorch plug-in as a host sees it: opened at run time, driven through Backend.
#include "backends/plugin.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <random>

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backends/engine_limit.h"
#include "core/error.h"
#include "engine/tiny_model.h"

namespace aieb {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

/// Keeps finished records; calls `on_token` for every arrival.
class Recorder : public EventSink {
 public:
  std::vector<RequestRecord> started;
  std::vector<RequestRecord> finished;
  std::function<void()> on_token = [] {};

  void request_started(const RequestRecord& record) override { started.push_back(record); }
  void tokens_arrived(int) override { on_token(); }
  void request_finished(RequestRecord record) override { finished.push_back(std::move(record)); }
  void phase_begin(const Phase&) override {}
  void phase_end(const Phase&) override {}
  void domain(const Domain&) override {}
  void samples(const std::vector<Sample>&) override {}
  void event(TraceEvent) override {}
};

void* open_library(const std::string& path, int scope) {
  void* handle = dlopen(path.c_str(), RTLD_NOW | scope);
  if (handle == nullptr) throw std::runtime_error(dlerror());
  return handle;
}

template <typename Function>
Function symbol(const char* name) {
  static void* plugin = [] {
    open_library(AIEB_TORCH_DIR "/lib/libtorch_cpu.so", RTLD_GLOBAL);
    return open_library(AIEB_BINARY_DIR "/libaieb_pytorch.so", RTLD_LOCAL);
  }();
  return reinterpret_cast<Function>(dlsym(plugin, name));
}

class Plugin : public ::testing::Test {
 protected:
  Plugin() : seed_(std::random_device{}()), model_(seed_) {
    RecordProperty("seed", static_cast<int>(seed_));
    input_.backend.type = "pytorch";
    input_.backend.device = "cpu";
    input_.backend.model = model_.path();
    input_.backend.threads = 1;
    input_.files = {ModelFiles::Kind::kCheckpointFolder, model_.path(), "local folder", ""};
  }

  std::unique_ptr<Backend> make() {
    return std::unique_ptr<Backend>(symbol<PluginCreateFunction>("aieb_plugin_create")(input_));
  }

  std::unique_ptr<Backend> loaded() {
    auto backend = make();
    backend->validate();
    backend->load();
    return backend;
  }

  static Request request(int64_t id, const std::string& prompt, int new_tokens) {
    Request request;
    request.id = id;
    request.prompt_index = static_cast<int>(id);
    request.prompt_text = prompt;
    request.messages = {{"user", prompt}};
    request.params.max_new_tokens = new_tokens;
    request.params.ignore_eos = true;
    return request;
  }

  std::vector<RequestRecord> run(Backend& backend, std::vector<Request> requests,
                                 int batch_size = 1) {
    Workload workload;
    workload.requests = std::move(requests);
    workload.batch_size = batch_size;
    RunContext context{recorder_, stop_.get_token(), 0};
    recorder_.finished.clear();
    backend.run(workload, context);
    return recorder_.finished;
  }

  uint32_t seed_;
  testing::TinyModel model_;
  PluginInput input_;
  Recorder recorder_;
  std::stop_source stop_;
};

TEST_F(Plugin, states_the_version_that_the_host_checks) {
  EXPECT_STREQ(symbol<PluginAbiFunction>("aieb_plugin_abi")(), kPluginAbi);
}

TEST_F(Plugin, a_request_is_recorded_with_its_times_and_tokens) {
  const auto backend = loaded();
  const RequestRecord record = run(*backend, {request(7, "w5 w6 w7", 5)}).at(0);
  EXPECT_EQ(record.id, 7);
  EXPECT_EQ(record.status, RequestStatus::kOk);
  EXPECT_EQ(record.prompt_tokens, 3);
  EXPECT_EQ(record.output_tokens, 5);
  EXPECT_EQ(record.finish_reason, "length");
  EXPECT_THAT(record.token_times, SizeIs(5));
  EXPECT_THAT(record.extra["token_ids"], SizeIs(5));
  EXPECT_LE(*record.queued_ns, *record.sent_ns);
  EXPECT_LT(*record.sent_ns, *record.first_token_ns);
  EXPECT_LT(*record.first_token_ns, *record.last_token_ns);
  EXPECT_EQ(record.token_times.back().t_ns, *record.last_token_ns);
  EXPECT_THAT(recorder_.started, SizeIs(1));
}

TEST_F(Plugin, a_batch_gives_each_request_what_it_gets_alone) {
  const auto backend = loaded();
  const std::vector<Request> requests = {request(0, "w5", 6), request(1, "w6 w7 w8 w9", 4),
                                         request(2, "w10 w11", 6)};
  const auto alone = run(*backend, requests, 1);
  const auto together = run(*backend, requests, 3);
  ASSERT_THAT(together, SizeIs(3));
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(alone[i].extra["token_ids"], together[i].extra["token_ids"]);
    EXPECT_EQ(alone[i].prompt_tokens, together[i].prompt_tokens);
  }
  EXPECT_LT(*together[1].done_ns, *together[0].done_ns);
}

TEST_F(Plugin, last_logits_are_there_when_asked_for) {
  EXPECT_FALSE(run(*loaded(), {request(0, "w5", 1)}).at(0).extra.contains("last_logits"));
  input_.backend.return_logits = true;
  const RequestRecord record = run(*loaded(), {request(0, "w5", 1)}).at(0);
  const auto logits = record.extra["last_logits"].get<std::vector<float>>();
  ASSERT_THAT(logits, SizeIs(32));
  const auto best = std::max_element(logits.begin(), logits.end()) - logits.begin();
  EXPECT_EQ(record.extra["token_ids"][0], best);
}

TEST_F(Plugin, a_prompt_beyond_the_context_loses_its_beginning_with_a_notice) {
  const auto backend = loaded();
  std::string prompt;
  for (int i = 0; i < 40; ++i) prompt += "w" + std::to_string(3 + i % 29) + " ";
  const RequestRecord record = run(*backend, {request(0, prompt, 8)}).at(0);
  EXPECT_EQ(record.status, RequestStatus::kOk);
  EXPECT_EQ(record.prompt_tokens, 24);
  EXPECT_THAT(record.extra["notices"][0].get<std::string>(), HasSubstr("first 16 tokens"));
}

TEST_F(Plugin, without_truncation_such_a_prompt_fails_and_the_rest_of_the_batch_does_not) {
  input_.scenario.truncation = false;
  const auto backend = loaded();
  std::string prompt;
  for (int i = 0; i < 30; ++i) prompt += "w9 ";
  auto records = run(*backend, {request(0, prompt, 8), request(1, "w5", 8)}, 2);
  ASSERT_THAT(records, SizeIs(2));
  EXPECT_EQ(records[0].status, RequestStatus::kFailed);
  EXPECT_EQ(records[0].error_class, "context_too_long");
  EXPECT_THAT(records[0].error, HasSubstr("scenario.truncation: true"));
  EXPECT_EQ(records[1].status, RequestStatus::kOk);
}

TEST_F(Plugin, a_stop_is_honoured_between_tokens) {
  const auto backend = loaded();
  int arrivals = 0;
  recorder_.on_token = [&] {
    if (++arrivals == 3) stop_.request_stop();
  };
  const auto records = run(*backend, {request(0, "w5", 20), request(1, "w6", 20)});
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_EQ(records[0].status, RequestStatus::kCancelled);
  EXPECT_EQ(records[0].output_tokens, 3);
}

TEST_F(Plugin, the_chat_template_is_used_when_there_is_one) {
  model_.add_chat_template();
  const auto backend = loaded();
  EXPECT_EQ(run(*backend, {request(0, "w5 w6", 1)}).at(0).prompt_tokens, 4);
  input_.scenario.use_chat_template = "false";
  EXPECT_EQ(run(*loaded(), {request(0, "w5 w6", 1)}).at(0).prompt_tokens, 2);
}

TEST_F(Plugin, demanding_a_template_that_is_not_there_is_an_error) {
  input_.scenario.use_chat_template = "true";
  const auto backend = make();
  EXPECT_THROW(backend->load(), ConfigError);
}

TEST_F(Plugin, the_answer_begins_with_the_response_prefix) {
  const auto backend = loaded();
  Request with_prefix = request(0, "w5 ", 2);
  with_prefix.response_prefix = "w6 w7 ";
  const RequestRecord record = run(*backend, {with_prefix}).at(0);
  EXPECT_EQ(record.prompt_tokens, 3);
  EXPECT_EQ(record.text.rfind("w6 w7 ", 0), 0U);
}

TEST_F(Plugin, several_sequences_of_one_request_differ_and_are_all_recorded) {
  const auto backend = loaded();
  Request sampled = request(0, "w5", 8);
  sampled.params.num_return_sequences = 3;
  EXPECT_THROW(run(*backend, {sampled}), ConfigError);  // greedy has one answer
  sampled.params.do_sample = true;
  const RequestRecord record = run(*backend, {sampled}).at(0);
  EXPECT_EQ(record.output_tokens, 24);
  ASSERT_THAT(record.extra["sequences"], SizeIs(3));
  EXPECT_NE(record.extra["sequences"][0], record.extra["sequences"][1]);
  EXPECT_EQ(record.token_times.size(), 8U);
  EXPECT_EQ(record.token_times[0].count, 3);
}

TEST_F(Plugin, a_stop_string_ends_the_answer) {
  const auto backend = loaded();
  Request free = request(0, "w5", 8);
  const auto tokens = run(*backend, {free}).at(0).extra["token_ids"].get<std::vector<int>>();
  // Whatever the model says: tokens below 3 are special and are no words of the answer.
  const auto word = std::find_if(tokens.begin(), tokens.end(), [](int token) { return token > 2; });
  if (word == tokens.end()) GTEST_SKIP() << "seed " << seed_ << " says no word at all";
  free.params.stop = {"w" + std::to_string(*word)};
  const RequestRecord record = run(*backend, {free}).at(0);
  EXPECT_EQ(record.finish_reason, "stop") << "seed " << seed_;
  EXPECT_LE(*record.output_tokens, word - tokens.begin() + 1);
}

TEST_F(Plugin, info_describes_the_loaded_model) {
  const auto backend = loaded();
  const BackendInfo info = backend->info();
  EXPECT_TRUE(info.in_process);
  EXPECT_EQ(info.dtype, "float32");
  EXPECT_EQ(info.device, "cpu");
  EXPECT_EQ(info.details["threads"], 1);
  EXPECT_EQ(info.details["weight_bytes"], 4 * info.details["parameters"].get<int64_t>());
  EXPECT_EQ(info.details["chat_template"], "none");
}

TEST_F(Plugin, layers_that_stay_on_disk_give_the_same_answers_and_a_notice) {
  const auto expected = run(*loaded(), {request(0, "w5 w6", 6)}).at(0).extra["token_ids"];
  input_.backend.device_map = {{"", "cpu"}, {"model.layers.1", "disk"}};
  const auto backend = loaded();
  EXPECT_EQ(run(*backend, {request(0, "w5 w6", 6)}).at(0).extra["token_ids"], expected);
  const BackendInfo info = backend->info();
  const Json& bytes = info.details["weight_bytes_by_device"];
  EXPECT_EQ(bytes["cpu"].get<int64_t>() + bytes["disk"].get<int64_t>(),
            info.details["weight_bytes"].get<int64_t>());
  EXPECT_GT(bytes["disk"], 0);
  EXPECT_EQ(info.details["device_map"]["model.layers.1"], "disk");
  EXPECT_THAT(info.details["notices"][0].get<std::string>(), HasSubstr("from the disk"));
  EXPECT_THAT(info.gpu_indices, SizeIs(0));
}

TEST_F(Plugin, a_strategy_keeps_to_the_memory_that_is_allowed) {
  input_.backend.device_map = "auto";
  input_.backend.max_memory = {{"cpu", "14KB"}};
  const auto backend = loaded();
  EXPECT_EQ(run(*backend, {request(0, "w5", 3)}).at(0).output_tokens, 3);
  const Json bytes = backend->info().details["weight_bytes_by_device"];
  EXPECT_LE(bytes["cpu"], 14'000);
  EXPECT_GT(bytes["disk"], 0);
}

TEST_F(Plugin, a_divided_layer_is_what_the_engine_cannot_do_and_not_what_the_user_did_wrong) {
  input_.backend.device_map = {{"", "cpu"}, {"model.layers.1.mlp", "disk"}};
  EXPECT_THROW(make()->validate(), EngineLimit);
  input_.backend.device_map = {{"", 0}};
  EXPECT_THROW(make()->validate(), ConfigError);
}

TEST_F(Plugin, memory_that_cannot_suffice_ends_the_run_before_loading) {
  input_.scenario.batch_size = 2'000'000'000;
  const auto backend = make();
  backend->validate();
  try {
    backend->load();
    FAIL() << "8 TB of cache";
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), ExitCode::kEnvironment);
    EXPECT_THAT(error.what(), HasSubstr("out of memory on the CPU"));
    EXPECT_THAT(error.what(), HasSubstr("scenario.batch_size: "));
  }
}

TEST_F(Plugin, unload_can_be_called_twice_and_load_again) {
  const auto backend = loaded();
  backend->unload();
  backend->unload();
  backend->load();
  EXPECT_EQ(run(*backend, {request(0, "w5", 1)}).at(0).status, RequestStatus::kOk);
}

TEST_F(Plugin, an_unknown_type_names_the_choices) {
  input_.backend.torch_dtype = "int3";
  const auto backend = make();
  EXPECT_THROW(backend->validate(), ConfigError);
}

}  // namespace
}  // namespace aieb
