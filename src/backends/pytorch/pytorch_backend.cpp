#include "backends/pytorch/pytorch_backend.h"

#include <algorithm>
#include <array>
#include <limits>
#include <set>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <torch/headeronly/version.h>

#include "backends/engine_limit.h"
#include "backends/pytorch/batch_run.h"
#include "backends/pytorch/cores.h"
#include "core/clock.h"
#include "core/error.h"
#include "engine/cuda/open_step_graphs.h"
#include "engine/decoder/weights.h"
#include "engine/placement/places.h"
#include "engine/spec/families.h"

namespace aieb {
namespace {

struct DtypeName {
  const char* name;
  at::ScalarType type;
};
constexpr std::array kDtypes = {
    DtypeName{"float32", at::kFloat}, DtypeName{"float", at::kFloat},
    DtypeName{"fp32", at::kFloat},    DtypeName{"bfloat16", at::kBFloat16},
    DtypeName{"bf16", at::kBFloat16}, DtypeName{"float16", at::kHalf},
    DtypeName{"half", at::kHalf},     DtypeName{"fp16", at::kHalf},
};

/// "float32": the spelling that the configuration uses.
std::string name_of(at::ScalarType type) {
  const auto* found = std::ranges::find(kDtypes, type, &DtypeName::type);
  return found == kDtypes.end() ? c10::toString(type) : found->name;
}

/// How steps of one token run where graphs can be recorded.
std::string recorded_steps(const engine::Decoder& decoder, int batch) {
  const int64_t keys = decoder.recordable_keys(batch);
  if (keys == 0) return "eager: the experts of so large a batch are chosen on the host";
  if (keys == std::numeric_limits<int64_t>::max()) return "CUDA graph";
  return "CUDA graph up to " + std::to_string(keys) + " positions, then eager (dynamic rope)";
}

constexpr const char* kEager = "eager";
constexpr size_t kShownNames = 5;

}  // namespace

PytorchBackend::PytorchBackend(const PluginInput& input)
    : config_(input.backend),
      scenario_(input.scenario),
      files_(input.files),
      threads_(config_.threads.value_or(physical_cores())) {}

BackendInfo PytorchBackend::info() const {
  BackendInfo info;
  info.type = config_.type;
  info.engine = "native";
  info.model = config_.model;
  info.model_source = files_.source;
  info.device = device().str();
  info.in_process = true;
  info.gpu_indices = used_gpus();
  info.details = {{"path", files_.path},
                  {"revision", files_.revision},
                  {"threads", threads_},
                  {"torch_version", TORCH_VERSION}};
  if (!model_.decoder) return info;
  const engine::Decoder& decoder = *model_.decoder;
  info.dtype = name_of(decoder.dtype());
  info.details["model_type"] = decoder.spec().model_type;
  info.details["parameters"] = decoder.weights().parameters;
  info.details["weight_bytes"] = decoder.weights().bytes;
  add_devices(info);
  info.details["context_length"] = decoder.spec().max_position;
  info.details["quantisation"] = quantisation_name();
  info.details["attention"] = "ATen scaled_dot_product_attention";
  info.details["decode_steps"] = steps_;
  info.details["decode_kernels"] = decoder.has_step_ops() ? "own CPU kernels" : "ATen";
  info.details["chat_template"] = text_->uses_template() ? "the model's" : "none";
  info.details["notices"] = notices_;
  return info;
}

void PytorchBackend::add_devices(BackendInfo& info) const {
  const engine::Decoder& decoder = *model_.decoder;
  const engine::DevicePlan& plan = decoder.plan();
  std::string names;
  std::vector<int> gpus;
  Json cache = Json::object();
  for (size_t i = 0; i < plan.lanes.size(); ++i) {
    const at::Device lane = plan.lanes[i].device;
    names += (i == 0 ? "" : ", ") + lane.str();
    if (lane.is_cuda()) gpus.push_back(lane.index());
    cache[lane.str()] = model_.fit->cache_bytes()[i];
  }
  Json weights = Json::object();
  for (const auto& [place, bytes] : decoder.weights().bytes_by_place) {
    const auto lane = std::ranges::find(plan.lanes, place, &engine::Lane::place);
    weights[lane == plan.lanes.end() ? place : lane->device.str()] = bytes;
  }
  info.device = names;
  info.gpu_indices = gpus;
  info.details["weight_bytes_by_device"] = weights;
  info.details["cache_bytes_per_token_by_device"] = cache;
  if (!config_.device_map.is_null()) info.details["device_map"] = plan.places;
}

at::Device PytorchBackend::device() const {
  if (config_.device == "cpu" || config_.device == "auto") return at::kCPU;
  at::Device device(config_.device);
  if (device.is_cuda() && !device.has_index()) {
    const int first = config_.device_ids.empty() ? 0 : config_.device_ids.front();
    device.set_index(static_cast<c10::DeviceIndex>(first));
  }
  return device;
}

std::string PytorchBackend::quantisation_name() const {
  const auto& layers = model_.decoder->weights().layers;
  const engine::Linear& output = layers.front().output;
  if (!output.is_packed()) return "none";
  const engine::PackedMatrix& matrix = output.packed.front();
  if (!matrix.four_bits()) return "8 bits (LLM.int8 weights)";
  return std::string("4 bits") + (matrix.scale_codes.defined() ? ", double quantisation" : "");
}

std::optional<at::ScalarType> PytorchBackend::asked_dtype() const {
  if (config_.torch_dtype == "auto" || config_.torch_dtype.empty()) return std::nullopt;
  const auto* found = std::ranges::find(
      kDtypes, config_.torch_dtype, [](const DtypeName& entry) { return std::string(entry.name); });
  if (found != kDtypes.end()) return found->type;
  throw ConfigError("backend.torch_dtype: '" + config_.torch_dtype +
                    "' is not a type; use auto, float32, bfloat16 or float16");
}

std::optional<engine::Quantisation> PytorchBackend::asked_quantisation() const {
  if (config_.load_in_8bit) return engine::Quantisation{.four_bits = false, .compute = {}};
  if (!config_.load_in_4bit) return std::nullopt;
  const auto* compute =
      std::ranges::find(kDtypes, config_.bnb_4bit_compute_dtype,
                        [](const DtypeName& entry) { return std::string(entry.name); });
  return engine::Quantisation{.type = config_.bnb_4bit_quant_type == "nf4" ? engine::FourBits::kNf4
                                                                           : engine::FourBits::kFp4,
                              .double_quantisation = config_.bnb_4bit_use_double_quant,
                              .compute = compute != kDtypes.end() ? compute->type : at::kFloat};
}

engine::PlacementWish PytorchBackend::asked_placement() const {
  engine::PlacementWish wish;
  wish.device_map = config_.device_map;
  wish.max_memory = config_.max_memory;
  wish.device = device();
  if (!wish.device.is_cuda()) return wish;
  const bool one = config_.device_map.is_null() || config_.device.starts_with("cuda:");
  wish.gpus = one || config_.device_ids.empty() ? std::vector<int>{wish.device.index()}
                                                : config_.device_ids;
  return wish;
}

std::vector<int> PytorchBackend::used_gpus() const {
  const engine::PlacementWish wish = asked_placement();
  const Json& map = wish.device_map;
  const bool spread = map.is_null() || (map.is_string() && engine::spread_from(map));
  if (spread) return wish.gpus;
  std::set<int> used;
  const auto note = [&](const Json& place, const std::string& key) {
    const engine::Place at = engine::place_from(place, wish.gpus, key);
    if (at != "cpu" && at != "disk") used.insert(std::stoi(at));
  };
  if (!map.is_object()) note(map, "backend.device_map");
  if (map.is_object()) {
    for (const auto& [module, place] : map.items()) note(place, "backend.device_map." + module);
  }
  return {used.begin(), used.end()};
}

engine::MemoryDemand PytorchBackend::certain_demand() const {
  const auto asked = scenario_.generate_kwargs.find("max_new_tokens");
  const bool known = asked != scenario_.generate_kwargs.end() && asked->is_number_integer();
  return {.batch = std::max(scenario_.batch_size, 1),
          .positions = known ? std::max<int64_t>(asked->get<int64_t>(), 0) : 0};
}

void PytorchBackend::check_map(const engine::Checkpoint& checkpoint,
                               const engine::ModelSpec& spec) const {
  if (!config_.device_map.is_object()) return;
  const auto dtype = asked_dtype().value_or(engine::natural_dtype(checkpoint));
  const auto outline = engine::outline_of(checkpoint, spec, dtype, asked_quantisation());
  try {
    static_cast<void>(engine::plan_devices(outline, spec, false, asked_placement()));
  } catch (const engine::DividedLayer& error) {
    throw EngineLimit(error.exit_code(), error.what());
  }
}

void PytorchBackend::validate() {
  static_cast<void>(asked_dtype());
  const auto checkpoint = engine::open_checkpoint(files_.path);
  try {
    check_map(*checkpoint, engine::read_spec(checkpoint->config(), files_.path));
  } catch (const ModelError& error) {  // of a family or with an option that it does not know
    throw EngineLimit(error.exit_code(), error.what());
  }
  if (!asked_dtype()) static_cast<void>(engine::natural_dtype(*checkpoint));
}

void PytorchBackend::load() {
  const c10::InferenceMode inference;
  at::set_num_threads(threads_);
  notices_.clear();
  model_ = engine::load_model(files_.path, {.dtype = asked_dtype(),
                                            .placement = asked_placement(),
                                            .quantisation = asked_quantisation(),
                                            .demand = certain_demand()});
  make_generator();
  text_.emplace(model_.checkpoint->tokenizer(), files_.path, scenario_);
  collect_notices();
}

void PytorchBackend::make_generator() {
  engine::StepGraphs graphs;
  const engine::DevicePlan& plan = model_.decoder->plan();
  const bool several = !plan.is_one_device();
  if (several && model_.decoder->device().is_cuda()) {
    notices_.push_back(
        "decoding without CUDA graphs, which is slower: the model lies on several devices");
  } else if (model_.decoder->device().is_cuda()) {
    graphs = engine::open_step_graphs();
  }
  if (!graphs.problem.empty()) {
    notices_.push_back("decoding without CUDA graphs, which is slower: " + graphs.problem);
    log::warning(notices_.back());
  }
  generator_.emplace(*model_.decoder, graphs.make);
  steps_ = graphs.make ? recorded_steps(*model_.decoder, scenario_.batch_size) : kEager;
}

/// Weights that are fetched for every use make every token wait for them.
void PytorchBackend::note_offloading() {
  const auto& bytes = model_.decoder->weights().bytes_by_place;
  if (!model_.decoder->plan().offloads()) return;
  std::string text = "weights are fetched for every step, which is very slow:";
  for (const char* place : {"cpu", "disk"}) {
    const auto found = bytes.find(place);
    const bool runs_there = model_.decoder->plan().lanes.front().place == place;
    if (found == bytes.end() || found->second == 0 || runs_there) continue;
    text += " " + engine::memory_text(found->second) + " from " + engine::place_text(place) + ";";
  }
  text.pop_back();
  notices_.push_back(text);
  log::warning(text);
}

void PytorchBackend::collect_notices() {
  note_offloading();
  const auto& unused = model_.decoder->weights().unused;
  if (unused.empty()) return;
  std::string names;
  for (size_t i = 0; i < std::min(unused.size(), kShownNames); ++i) {
    names += (i == 0 ? "" : ", ") + unused[i];
  }
  notices_.push_back(std::to_string(unused.size()) +
                     " tensors of the checkpoint are not part of this architecture and were not "
                     "used: " +
                     names + (unused.size() > kShownNames ? ", …" : ""));
  log::warning(notices_.back());
}

/// Once: whatever could not be recorded, later steps run eagerly.
void PytorchBackend::warn_of_lost_recording(RunContext& context) {
  const std::string& problem = generator_->recording_problem();
  if (problem.empty() || steps_ == kEager) return;
  steps_ = kEager;
  const std::string text =
      "decoding without CUDA graphs from here on, which is slower: a step could not be recorded (" +
      problem + ")";
  log::warning(text);
  context.sink.event({now_ns(), "warning", Json{{"text", text}}});
}

/// Once, since all requests of a run share their settings.
void PytorchBackend::warn_of_unsupported_settings(const Workload& workload, RunContext& context) {
  if (warned_ || workload.requests.empty()) return;
  warned_ = true;
  const auto names = engine::unsupported_settings(workload.requests.front().params,
                                                  model_.checkpoint->generation_config());
  if (names.empty()) return;
  std::string text = "the native engine does not know, and ignores: ";
  for (size_t i = 0; i < names.size(); ++i) text += (i == 0 ? "" : ", ") + names[i];
  log::warning(text);
  context.sink.event({now_ns(), "warning", Json{{"text", text}}});
}

void PytorchBackend::run(const Workload& workload, RunContext& context) {
  const c10::InferenceMode inference;
  warn_of_unsupported_settings(workload, context);
  const BatchSettings settings{
      .defaults = {model_.checkpoint->generation_config(), model_.checkpoint->config()},
      .pad = config_.pad_token_id,
      .use_cache = config_.use_cache,
      .truncate = scenario_.truncation,
      .return_logits = config_.return_logits,
      .seed = scenario_.seed,
  };
  const auto size = static_cast<size_t>(std::max(workload.batch_size, 1));
  const auto& requests = workload.requests;
  for (size_t first = 0; first < requests.size(); first += size) {
    if (context.stop.stop_requested()) return;
    const size_t count = std::min(size, requests.size() - first);
    run_batch(model_, *generator_, *text_, settings, std::span(requests).subspan(first, count),
              context);
    warn_of_lost_recording(context);
  }
}

void PytorchBackend::unload() {
  text_.reset();
  generator_.reset();
  model_ = {};
}

}  // namespace aieb
