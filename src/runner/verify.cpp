#include "runner/verify.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "backends/registry.h"
#include "backends/transformers/python.h"
#include "config/bundled.h"
#include "config/config.h"
#include "core/error.h"
#include "core/subprocess.h"
#include "runner/planner.h"

namespace aieb {
namespace {

/// As in the tests of the engine against transformers.
constexpr double kAbsoluteTolerance = 2e-4;
constexpr double kRelativeTolerance = 1e-4;

/// Keeps finished requests; nothing is measured.
class Answers : public EventSink {
 public:
  std::vector<RequestRecord> records;

  void request_finished(RequestRecord record) override { records.push_back(std::move(record)); }
  void request_started(const RequestRecord&) override {}
  void tokens_arrived(int) override {}
  void phase_begin(const Phase&) override {}
  void phase_end(const Phase&) override {}
  void domain(const Domain&) override {}
  void samples(const std::vector<Sample>&) override {}
  void event(TraceEvent) override {}
};

BenchmarkConfig configure(const VerifyOptions& options) {
  BenchmarkConfig config;
  config.backend.type = "pytorch";
  config.backend.engine = "native";
  config.backend.model = options.model;
  config.backend.revision = options.revision;
  config.backend.device = options.device;
  config.backend.torch_dtype = "float32";
  config.backend.return_logits = true;
  config.scenario.dataset_name = options.prompts.empty() ? "quickstart" : options.prompts;
  config.scenario.text_column_name = options.column;
  config.scenario.num_samples = options.num_prompts;
  config.scenario.generate_kwargs = {{"max_new_tokens", options.max_new_tokens},
                                     {"do_sample", false}};
  return config;
}

Json ask_reference(const std::string& python, const Json& task) {
  const std::string program = bundled_file(kTransformersReference).text;
  const ProgramResult result = run_program({python, "-c", program}, task.dump());
  if (result.exit_code == 0) return Json::parse(result.out);
  if (result.err.find("ModuleNotFoundError") != std::string::npos) {
    throw EnvironmentError("verify compares with transformers, which " + python +
                           " does not have.\nInstall it there (pip install torch transformers) or "
                           "name another interpreter with --python.");
  }
  throw ModelError("transformers could not answer the prompts (" + python + "):\n" + result.err);
}

bool logits_agree(const Json& ours, const Json& theirs, double& largest) {
  if (ours.size() != theirs.size()) {
    throw ModelError("the engine has " + std::to_string(ours.size()) +
                     " logits a position, transformers " + std::to_string(theirs.size()));
  }
  bool agree = true;
  for (size_t i = 0; i < ours.size(); ++i) {
    const double reference = theirs[i].get<double>();
    const double difference = std::abs(ours[i].get<double>() - reference);
    largest = std::max(largest, difference);
    // Not a number disagrees.
    agree = agree && difference <= kAbsoluteTolerance + kRelativeTolerance * std::abs(reference);
  }
  return agree;
}

VerifiedPrompt compare(const RequestRecord& ours, const Request& request, const Json& theirs) {
  VerifiedPrompt out;
  out.text = request.prompt_text;
  if (!theirs["prompt_tokens"].is_null()) {
    out.same_prompt_tokens = theirs["prompt_tokens"] == ours.extra["prompt_token_ids"];
  }
  const auto mine = ours.extra["token_ids"].get<std::vector<int64_t>>();
  const auto reference = theirs["tokens"].get<std::vector<int64_t>>();
  out.tokens = static_cast<int64_t>(std::max(mine.size(), reference.size()));
  out.same_tokens = std::ranges::mismatch(mine, reference).in1 - mine.begin();
  out.logits_agree =
      logits_agree(ours.extra["last_logits"], theirs["logits"], out.largest_logit_difference);
  return out;
}

}  // namespace

bool VerifyReport::agrees() const { return std::ranges::all_of(prompts, &VerifiedPrompt::agrees); }

Json to_json(const VerifyReport& report) {
  Json prompts = Json::array();
  for (const VerifiedPrompt& prompt : report.prompts) {
    prompts.push_back({
        {"prompt", prompt.text},
        {"same_prompt_tokens",
         prompt.same_prompt_tokens ? Json(*prompt.same_prompt_tokens) : Json()},
        {"same_tokens", prompt.same_tokens},
        {"tokens", prompt.tokens},
        {"largest_logit_difference", prompt.largest_logit_difference},
        {"logits_agree", prompt.logits_agree},
        {"agrees", prompt.agrees()},
    });
  }
  return {{"model_path", report.model_path},
          {"device", report.device},
          {"dtype", "float32"},
          {"transformers_version", report.transformers_version},
          {"torch_version", report.torch_version},
          {"agrees", report.agrees()},
          {"prompts", prompts}};
}

VerifyReport verify_engine(const VerifyOptions& options) {
  const BenchmarkConfig config = configure(options);
  const Plan plan = make_plan(config);
  const std::unique_ptr<Backend> backend = make_backend(config);
  backend->validate();
  backend->load();
  Answers answers;
  RunContext context{answers, {}, 0};
  backend->run(plan.measure, context);
  const BackendInfo info = backend->info();
  backend->unload();  // before transformers takes as much memory

  Json task = {{"model", info.details["path"]},
               {"dtype", "float32"},
               {"max_new_tokens", options.max_new_tokens},
               {"use_chat_template", info.details["chat_template"] != "none"},
               {"prompts", Json::array()}};
  for (size_t i = 0; i < answers.records.size(); ++i) {
    const RequestRecord& record = answers.records[i];
    const Request& request = plan.measure.requests[i];
    if (record.status != RequestStatus::kOk) {
      throw ModelError("the engine could not answer prompt " + std::to_string(i) + ": " +
                       record.error);
    }
    Json messages = Json::array();
    for (const Message& message : request.messages) {
      messages.push_back({{"role", message.role}, {"content", message.content}});
    }
    task["prompts"].push_back({{"text", request.prompt_text},
                               {"messages", messages},
                               {"tokens", record.extra["prompt_token_ids"]}});
  }
  const Json reference = ask_reference(find_python(options.python), task);

  VerifyReport report;
  report.model_path = info.details["path"];
  report.device = info.device;
  report.transformers_version = reference["transformers"];
  report.torch_version = reference["torch"];
  for (size_t i = 0; i < answers.records.size(); ++i) {
    report.prompts.push_back(
        compare(answers.records[i], plan.measure.requests[i], reference["prompts"][i]));
  }
  return report;
}

}  // namespace aieb
