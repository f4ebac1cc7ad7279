#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/request.h"

namespace aieb {

/// The configuration as resolved. Every key, its default and its meaning: option_table.cpp.
struct BackendConfig {
  std::string type = "vllm";
  std::string engine = "auto";
  std::string model = "openai/gpt-oss-120b";
  std::string revision;
  std::string device = "cuda";
  std::vector<int> device_ids = {0};
  std::string task = "text-generation";
  std::string endpoint = "http://localhost:8000/v1";
  std::map<std::string, std::string> headers;
  std::string torch_dtype = "auto";
  Json device_map;  ///< null, a strategy or device name, or an explicit map
  Json max_memory;  ///< null or {device: limit}
  bool load_in_8bit = false;
  bool load_in_4bit = false;
  std::string bnb_4bit_quant_type = "fp4";
  bool bnb_4bit_use_double_quant = false;
  std::string bnb_4bit_compute_dtype = "float32";
  bool trust_remote_code = false;
  bool use_cache = true;
  std::optional<int64_t> pad_token_id;
  bool return_logits = false;
  std::optional<int> threads;  ///< CPU threads of the native engine; absent: all physical cores
  Json options;                ///< arguments of a backend that is a Python class
  std::optional<bool> use_harmony;  ///< deprecated; absent: the model's reasoning format decides
};

struct TimeoutConfig {
  double connect_s = 10;
  double first_token_s = 300;
  double total_s = 600;
};

struct CircuitBreakerConfig {
  int consecutive_failures = 3;  ///< 0: never
};

struct LoadConfig {
  std::string mode = "sequential";
  int concurrency = 1;
  std::optional<double> request_rate;
  std::optional<double> burstiness;
  std::optional<double> duration_s;
  std::optional<int> request_count;
  double drain_s = 30;
  Json stages;  ///< null or a list: see runner/load_stages.h
  std::string trace_file;
  double time_scale = 1;
  bool allow_cached_repeats = false;
  std::string calibrate = "auto";  ///< auto | true | false
};

/// Numbers of tokens: normal around `mean` with `stdev`, cut to [min, max]; without a mean uniform
/// in [min, max].
struct TokenLengthConfig {
  std::optional<double> mean;
  double stdev = 0;
  std::optional<int> min;
  std::optional<int> max;

  [[nodiscard]] bool is_set() const { return mean || (min && max); }
};

struct SyntheticConfig {
  TokenLengthConfig input_tokens;
  TokenLengthConfig output_tokens;
  int prefix_groups = 1;
  int prefix_tokens = 0;
  std::string tokenizer;  ///< empty: the server's, else the model's
};

struct ConversationConfig {
  double think_time_s = 0;
  double think_time_stdev_s = 0;
  std::optional<int> max_turns;
};

struct ScenarioConfig {
  std::string dataset_name = "AIEnergyScore/text_generation";
  std::string dataset_config;
  std::string dataset_split = "train";
  std::string dataset_revision;
  std::string text_column_name = "text";
  int num_samples = 10;
  bool truncation = true;
  bool reasoning = false;
  Json reasoning_params;  ///< null or a map
  std::string reasoning_formats;
  int batch_size = 1;
  Json generate_kwargs = {{"max_new_tokens", 100}, {"min_new_tokens", 50}};
  std::string use_chat_template = "auto";   ///< auto | true | false
  std::string add_special_tokens = "auto";  ///< auto | true | false
  uint64_t seed = 0;
  TimeoutConfig timeouts;
  CircuitBreakerConfig circuit_breaker;
  LoadConfig load;
  SyntheticConfig synthetic;
  ConversationConfig conversation;
  Json slo;
};

struct PriceConfig {
  std::string currency = "USD";
  std::optional<double> per_kwh;
  std::optional<double> per_gpu_hour;
};

struct ElectricityMapsConfig {
  std::string url = "https://api.electricitymaps.com";
  std::string token;  ///< empty: ELECTRICITYMAPS_API_TOKEN. Never written anywhere
};

struct MetricsConfig {
  std::string type = "codecarbon";
  bool enabled = true;
  std::string project_name = "ai_energy_benchmarks";
  std::string output_dir = "./emissions";
  std::string country_iso_code = "USA";
  bool location_given =
      false;           ///< the user named a country or region (file, environment, override)
  std::string region;  ///< empty: none
  std::optional<double> carbon_intensity_g_per_kwh;
  std::string carbon_intensity_series;        ///< CSV file; empty: none
  std::string carbon_intensity_zone;          ///< of Electricity Maps; empty: by the location
  std::string carbon_intensity_live = "off";  ///< off | electricity_maps
  std::optional<double> carbon_intensity_uncertainty_percent;
  ElectricityMapsConfig electricity_maps;
  double pue = 1.0;
  double pue_uncertainty_percent = 0;
  double wue_l_per_kwh = 0.0;
  double wue_uncertainty_percent = 0;
  Json embodied;  ///< null or a list: see carbon/embodied.h
  double idle_s = 5;
  int warmup_prompts = 1;
  std::string scope = "auto";  ///< auto | local | remote
  Json sources;                ///< exporters of a remote server
  Json protocol;
  Json collectors;  ///< {registered name: its arguments}
  PriceConfig price;
};

struct ReporterConfig {
  std::string type = "csv";
  std::string output_file = "./results/benchmark_results.csv";
};

struct BenchmarkConfig {
  std::string name = "benchmark";
  BackendConfig backend;
  ScenarioConfig scenario;
  MetricsConfig metrics;
  std::vector<ReporterConfig> reporters = {ReporterConfig{}};
  std::string output_dir = "./benchmark_output";
};

/// `generate_kwargs` as typed parameters; unknown keys go to `extra`.
/// Throws ConfigError for a value of the wrong type or out of range.
GenerationParams generation_params(const ScenarioConfig& scenario);

/// The parameters by the names of `generate_kwargs`; what is not set is null.
Json to_json(const GenerationParams& params);

}  // namespace aieb
