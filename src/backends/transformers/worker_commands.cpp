#include "backends/transformers/worker_commands.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "core/error.h"

namespace aieb {
namespace {

/// "1" and "cuda:1" are GPU 1, "cuda" is the first one.
std::optional<int> gpu_number(const Json& place) {
  if (place.is_number_integer()) return place.get<int>();
  if (!place.is_string()) return std::nullopt;
  std::string text = place.get<std::string>();
  if (text == "cuda") return 0;
  if (text.starts_with("cuda:")) text.erase(0, 5);
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && number >= 0 ? std::optional(number) : std::nullopt;
}

/// A place as the worker counts GPUs; others ("cpu", "disk", "auto") stay.
Json renumbered(const Json& place, const std::vector<int>& gpus, const std::string& key) {
  const std::optional<int> number = gpu_number(place);
  if (!number) return place;
  if (place == "cuda" && !gpus.empty()) return 0;
  const auto found = std::ranges::find(gpus, *number);
  if (found == gpus.end()) {
    throw ConfigError(key + ": GPU " + std::to_string(*number) +
                      " is not one of backend.device_ids; add it there");
  }
  return static_cast<int>(found - gpus.begin());
}

Json device_map(const Json& map, const std::vector<int>& gpus) {
  if (!map.is_object()) return renumbered(map, gpus, "backend.device_map");
  Json out = Json::object();
  for (const auto& [module, place] : map.items()) {
    out[module] = renumbered(place, gpus, "backend.device_map." + module);
  }
  return out;
}

/// Limits of GPUs do not matter without one.
Json max_memory(const Json& limits, const std::vector<int>& gpus) {
  Json out = Json::object();
  for (const auto& [place, limit] : limits.items()) {
    if (gpu_number(place) && gpus.empty()) continue;
    const Json number = renumbered(place, gpus, "backend.max_memory");
    out[number.is_number() ? std::to_string(number.get<int>()) : place] = limit;
  }
  return out.empty() ? Json() : out;
}

std::vector<int> asked_gpus(const BackendConfig& config) {
  std::vector<int> ids = config.device_ids.empty() ? std::vector<int>{0} : config.device_ids;
  if (config.device.starts_with("cuda:")) return {gpu_number(config.device).value_or(0)};
  if (config.device_map.is_null()) ids.resize(1);
  return ids;
}

/// Where `from_pretrained` finds the model: a folder, a hub id, or one of them with a GGUF file.
void add_location(Json& command, const BackendConfig& config) {
  std::string model = config.model;
  std::string file;
  if (model.ends_with(".gguf")) {
    const size_t slash = model.rfind('/');
    file = slash == std::string::npos ? model : model.substr(slash + 1);
    model = slash == std::string::npos ? "." : model.substr(0, slash);
  }
  command["model"] = model;
  command["gguf_file"] = file;
  command["revision"] = config.revision;
}

/// Keyword arguments of `generate`; lengths are those of each request.
Json generate_arguments(const GenerationParams& params, bool use_cache) {
  Json out = params.extra;
  const bool samples = params.samples();
  if (params.num_return_sequences > 1 && !samples && !params.extra.contains("num_beams")) {
    throw ConfigError(
        "scenario.generate_kwargs.num_return_sequences: greedy decoding has only one answer; set "
        "do_sample: true, num_beams, or num_return_sequences: 1");
  }
  out["do_sample"] = samples;
  out["use_cache"] = params.use_cache && use_cache;
  if (params.repetition_penalty) out["repetition_penalty"] = *params.repetition_penalty;
  if (!params.stop.empty()) out["stop_strings"] = params.stop;
  if (params.num_return_sequences > 1) out["num_return_sequences"] = params.num_return_sequences;
  if (!samples) return out;
  if (params.temperature) out["temperature"] = *params.temperature;
  if (params.top_p) out["top_p"] = *params.top_p;
  if (params.top_k) out["top_k"] = std::max(*params.top_k, 0);
  if (params.min_p) out["min_p"] = *params.min_p;
  return out;
}

Json request_json(const Request& request) {
  Json messages = Json::array();
  for (const Message& message : request.messages) {
    messages.push_back({{"role", message.role}, {"content", message.content}});
  }
  return {{"id", request.id},
          {"messages", messages},
          {"text", request.prompt_text},
          {"prefix", request.response_prefix},
          {"template_kwargs", request.template_kwargs},
          {"max_new_tokens", request.params.max_new_tokens},
          {"min_new_tokens", request.params.min_new_tokens},
          {"ignore_eos", request.params.ignore_eos}};
}

}  // namespace

WorkerGpus choose_gpus(const BackendConfig& config, const GpuProbe& probe) {
  if (config.device == "cpu" || (config.device == "auto" && probe.devices.empty())) return {};
  if (probe.devices.empty()) {
    throw EnvironmentError("backend.device is '" + config.device + "', but " + probe.problem);
  }
  WorkerGpus out;
  out.indices = asked_gpus(config);
  for (const int index : out.indices) {
    const auto found = std::ranges::find(probe.devices, index, &GpuDevice::index);
    if (found == probe.devices.end()) {
      throw EnvironmentError("there is no GPU " + std::to_string(index) + ": nvidia-smi lists " +
                             std::to_string(probe.devices.size()) + "; change backend.device_ids");
    }
    out.visible += (out.visible.empty() ? "" : ",") + found->uuid;
  }
  return out;
}

Json load_command(const BenchmarkConfig& config, const std::vector<int>& gpus) {
  const BackendConfig& backend = config.backend;
  Json command = {{"type", "load"},
                  {"dtype", backend.torch_dtype.empty() ? "auto" : backend.torch_dtype},
                  {"device", gpus.empty() ? "cpu" : "cuda"},
                  {"device_map", device_map(backend.device_map, gpus)},
                  {"max_memory", max_memory(backend.max_memory, gpus)},
                  {"load_in_8bit", backend.load_in_8bit},
                  {"load_in_4bit", backend.load_in_4bit},
                  {"bnb_4bit_quant_type", backend.bnb_4bit_quant_type},
                  {"bnb_4bit_use_double_quant", backend.bnb_4bit_use_double_quant},
                  {"bnb_4bit_compute_dtype", backend.bnb_4bit_compute_dtype},
                  {"trust_remote_code", backend.trust_remote_code},
                  {"pad_token_id", backend.pad_token_id ? Json(*backend.pad_token_id) : Json()},
                  {"threads", backend.threads ? Json(*backend.threads) : Json()},
                  {"use_chat_template", config.scenario.use_chat_template},
                  {"add_special_tokens", config.scenario.add_special_tokens}};
  add_location(command, backend);
  return command;
}

Json run_command(int64_t batch, std::span<const Request> requests, const BenchmarkConfig& config) {
  const GenerationParams& params = requests.front().params;
  Json command = {
      {"type", "run"},
      {"batch", batch},
      {"seed",
       params.seed.value_or(config.scenario.seed) + static_cast<uint64_t>(requests.front().id)},
      {"truncate", config.scenario.truncation},
      {"return_logits", config.backend.return_logits},
      {"generate", generate_arguments(params, config.backend.use_cache)},
      {"requests", Json::array()},
  };
  for (const Request& request : requests) command["requests"].push_back(request_json(request));
  return command;
}

std::vector<std::string> needed_packages(const BackendConfig& config) {
  std::vector<std::string> names = {"torch", "transformers"};
  const bool quantized = config.load_in_8bit || config.load_in_4bit;
  if (quantized) names.emplace_back("bitsandbytes");
  if (quantized || !config.device_map.is_null()) names.emplace_back("accelerate");
  if (config.model.ends_with(".gguf")) names.emplace_back("gguf");
  return names;
}

}  // namespace aieb
