// engine_probe MODEL [float32|bfloat16|float16] [cuda] [--aten] [--eager] [--recordable]
// [--unrecordable] [--8bit|--fp4|--nf4|--nf4-double] [--map JSON] [--max-memory JSON]
// [--gpus N] [--free JSON] [--demand BATCH,POSITIONS]: one JSON request a line on standard input,
// one JSON answer a line on standard output. The differential tests in tests/unit drive it.
//
// --map is a device_map. Without "cuda" its GPUs are N (2 unless told) stand-ins: the CPU under
// other names, with weights, caches and buffers of their own. With "cuda" they are those of the
// machine. --free tells how many bytes are free, by place, instead of asking the devices.
//
//   {"prompts": [[1, 2], [3]], "params": {"max_new_tokens": 24, …}}   generates as one batch
//       → {"tokens": [[…], […]], "finish": ["eos", "length"], "logits": [[…], […]],
//          "seconds": [0.1, 0.11, …]}
//   {"prompt": [1, 2, 3], "all_logits": true}                        → {"logits": [[…], …]}
//   {"tensor": "name"}                                               → {"shape": […], "values":
//   […]}
//   {"prompt": [1, 2, 3], "perplexity": true}                        → {"perplexity": 12.3}
//   {"info": true}      → {"parameters": n, "bytes": n, "unused": […], "places": {…}, "layers":
//   […],
//                          "load_seconds": s, …}
// An OutOfMemory is answered as {"out_of_memory": text}.
#include <chrono>
#include <cmath>
#include <iostream>
#include <span>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <dlfcn.h>

#include "core/error.h"
#include "engine/cuda/open_step_graphs.h"
#include "engine/generate/generator.h"
#include "engine/model.h"

namespace aieb::engine {
namespace {

Json to_list(const at::Tensor& tensor) {
  const at::Tensor flat = tensor.cpu().to(at::kFloat).contiguous().view({-1});
  return std::vector<float>(flat.data_ptr<float>(), flat.data_ptr<float>() + flat.numel());
}

GenerationParams read_params(const Json& json) {
  GenerationParams params;
  params.max_new_tokens = json.value("max_new_tokens", 20);
  params.min_new_tokens = json.value("min_new_tokens", 0);
  const auto optional = [&json]<typename T>(const char* key, std::optional<T>& out) {
    if (json.contains(key)) out = json[key].get<T>();
  };
  optional("do_sample", params.do_sample);
  optional("temperature", params.temperature);
  optional("top_p", params.top_p);
  optional("top_k", params.top_k);
  optional("min_p", params.min_p);
  optional("repetition_penalty", params.repetition_penalty);
  optional("seed", params.seed);
  params.use_cache = json.value("use_cache", true);
  params.ignore_eos = json.value("ignore_eos", false);
  return params;
}

const char* name_of(Finish finish) {
  switch (finish) {
    case Finish::kEos:
      return "eos";
    case Finish::kStopString:
      return "stop_string";
    case Finish::kLength:
      return "length";
    case Finish::kCancelled:
      return "cancelled";
  }
  return "";
}

/// Stands in for a recording where there is no GPU: runs the step that would be recorded.
class RepeatedStep : public StepGraph {
 public:
  void capture(const std::function<void()>& body) override { body_ = body; }
  void replay() override {
    body_();
    ++replays;
  }

  static inline int replays = 0;

 private:
  std::function<void()> body_;
};

/// A step that waits for the device, which cannot be recorded.
class WaitingStep : public StepGraph {
 public:
  WaitingStep(std::unique_ptr<StepGraph> graph, at::Device device)
      : graph_(std::move(graph)), device_(device) {}

  void capture(const std::function<void()>& body) override {
    TORCH_CHECK(graph_, "the step waits for the device");
    graph_->capture([&] {
      body();
      at::ones({1}, at::TensorOptions().device(device_)).item();
    });
  }
  void replay() override { graph_->replay(); }

 private:
  std::unique_ptr<StepGraph> graph_;
  at::Device device_;
};

Json answer_generation(Model& model, Generator& generator, const Json& request) {
  const ModelDefaults defaults{model.checkpoint->generation_config(), model.checkpoint->config()};
  const auto settings = resolve_settings(read_params(request.value("params", Json::object())),
                                         defaults, std::nullopt);
  std::vector<Prompt> prompts;
  uint64_t seed = settings.seed;
  for (const auto& tokens : request["prompts"]) {
    prompts.push_back({tokens.get<std::vector<int64_t>>(), settings});
    prompts.back().settings.seed = seed++;
  }
  GenerationHooks hooks;
  hooks.keep_prompt_logits = request.value("logits", true);
  std::vector<double> seconds;  // since the request, of every step's tokens
  const auto start = std::chrono::steady_clock::now();
  hooks.on_tokens = [&](std::span<const size_t>) {
    seconds.push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  };
  Json answer = {{"tokens", Json::array()}, {"finish", Json::array()}, {"logits", Json::array()}};
  for (const auto& result : generator.generate(prompts, hooks, {})) {
    answer["tokens"].push_back(result.tokens);
    answer["finish"].push_back(name_of(result.finish));
    if (hooks.keep_prompt_logits) answer["logits"].push_back(to_list(result.prompt_logits));
  }
  answer["seconds"] = seconds;
  answer["moves"] = model.decoder->moves();
  answer["replays"] = RepeatedStep::replays;
  answer["recording_problem"] = generator.recording_problem();
  return answer;
}

/// Of each token after the first, given those before it.
double perplexity(const at::Tensor& logits, const at::Tensor& ids) {
  const at::Tensor scores = logits[0].slice(0, 0, -1).to(at::kFloat).log_softmax(-1);
  const at::Tensor chosen = scores.gather(1, ids[0].slice(0, 1).cpu().unsqueeze(1));
  return std::exp(-chosen.mean().item<double>());
}

Json answer_logits(Model& model, const Json& request) {
  const auto tokens = request["prompt"].get<std::vector<int64_t>>();
  KvCache cache = model.decoder->make_cache(1, static_cast<int64_t>(tokens.size()));
  const at::Tensor ids = at::tensor(tokens, at::kLong).unsqueeze(0).to(model.decoder->device());
  const at::Tensor logits = model.decoder->forward(ids, cache, Decoder::Logits::kAll).cpu();
  if (request.contains("perplexity")) return {{"perplexity", perplexity(logits, ids)}};
  Json rows = Json::array();
  for (int64_t i = 0; i < logits.size(1); ++i) rows.push_back(to_list(logits[0][i]));
  return {{"logits", rows}};
}

Json answer(Model& model, Generator& generator, const Json& request) {
  if (request.contains("prompts")) return answer_generation(model, generator, request);
  if (request.contains("prompt")) return answer_logits(model, request);
  if (request.contains("tensor")) {
    const at::Tensor tensor = model.checkpoint->tensor(request["tensor"].get<std::string>());
    return {{"shape", tensor.sizes().vec()}, {"values", to_list(tensor)}};
  }
  const Weights& weights = model.decoder->weights();
  const DevicePlan& plan = model.decoder->plan();
  Json layers = Json::array();
  for (size_t i = 0; i < weights.layers.size(); ++i) layers.push_back(plan.place_of(plan.layer(i)));
  return {{"places", plan.places},
          {"layers", layers},
          {"bytes_by_place", weights.bytes_by_place},
          {"planned_bytes", model.fit->weights()},
          {"model_type", model.decoder->spec().model_type},
          {"parameters", weights.parameters},
          {"bytes", weights.bytes},
          {"unused", weights.unused}};
}

/// Options that say where the model goes.
struct PlacementOptions {
  int gpus = 2;
  Json free;

  /// Whether `name` is one of them; then `value` is taken.
  bool take(const std::string& name, const std::string& value, ModelOptions& options) {
    if (name == "--map") options.placement.device_map = Json::parse(value);
    if (name == "--max-memory") options.placement.max_memory = Json::parse(value);
    if (name == "--gpus") gpus = std::stoi(value);
    if (name == "--free") free = Json::parse(value);
    if (name == "--demand") {
      const size_t comma = value.find(',');
      options.demand = {std::stoll(value.substr(0, comma)), std::stoll(value.substr(comma + 1))};
    }
    return name == "--map" || name == "--max-memory" || name == "--gpus" || name == "--free" ||
           name == "--demand";
  }

  void finish(ModelOptions& options) const {
    PlacementWish& wish = options.placement;
    for (int gpu = 0; gpu < gpus; ++gpu) wish.gpus.push_back(gpu);
    if (!wish.device.is_cuda()) wish.device_of = [](const Place&) { return at::Device(at::kCPU); };
    if (free.is_null()) return;
    wish.free = [free = free](const Lane& lane) -> std::optional<int64_t> {
      const auto found = free.find(lane.place);
      return found == free.end() ? std::nullopt : std::optional(found->get<int64_t>());
    };
  }
};

/// The CUDA half of libtorch registers itself when it is opened.
at::Device open_cuda() {
  if (dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) == nullptr) {
    throw EnvironmentError(dlerror());
  }
  return {at::kCUDA, 0};
}

int run(int argc, char** argv) {
  ModelOptions options;
  StepGraphMaker make_graph;
  PlacementOptions placement;
  options.dtype = at::kFloat;
  for (int i = 2; i < argc; ++i) {
    const std::string argument = argv[i];
    if (i + 1 < argc && placement.take(argument, argv[i + 1], options)) {
      ++i;
      continue;
    }
    if (argument == "--aten") options.own_kernels = false;
    if (argument == "bfloat16") options.dtype = at::kBFloat16;
    if (argument == "float16") options.dtype = at::kHalf;
    if (argument == "cuda") {
      options.placement.device = open_cuda();
      StepGraphs graphs = open_step_graphs();
      if (!graphs.make) throw EnvironmentError(graphs.problem);
      make_graph = graphs.make;
    }
    if (argument == "--8bit")
      options.quantisation = Quantisation{.four_bits = false, .compute = {}};
    if (argument == "--fp4") options.quantisation = Quantisation{};
    if (argument == "--nf4")
      options.quantisation = Quantisation{.type = FourBits::kNf4, .compute = {}};
    if (argument == "--nf4-double") {
      options.quantisation =
          Quantisation{.type = FourBits::kNf4, .double_quantisation = true, .compute = {}};
    }
    if (argument == "--recordable") make_graph = [] { return std::make_unique<RepeatedStep>(); };
    if (argument == "--unrecordable") {
      make_graph = [inner = make_graph, device = options.placement.device] {
        return std::make_unique<WaitingStep>(inner ? inner() : nullptr, device);
      };
    }
    if (argument == "--eager") make_graph = {};
  }
  placement.finish(options);
  const c10::InferenceMode inference;
  const auto start = std::chrono::steady_clock::now();
  Model model = load_model(argv[1], options);
  const std::chrono::duration<double> load = std::chrono::steady_clock::now() - start;
  Generator generator(*model.decoder, make_graph);
  for (std::string line; std::getline(std::cin, line);) {
    Json out;
    try {
      const Json request = Json::parse(line);
      out = answer(model, generator, request);
      if (request.contains("info")) out["load_seconds"] = load.count();
    } catch (const OutOfMemory& error) {
      out = {{"out_of_memory", error.what()}};
    }
    std::cout << out.dump() << std::endl;
  }
  return 0;
}

}  // namespace
}  // namespace aieb::engine

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: engine_probe MODEL [TYPE] [cuda] [--aten]\n";
    return 2;
  }
  try {
    return aieb::engine::run(argc, argv);
  } catch (const aieb::Error& error) {
    std::cerr << error.what() << "\n";
    return static_cast<int>(error.exit_code());
  }
}
