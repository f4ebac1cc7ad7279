#include "config/option_table.h"

#include <algorithm>
#include <array>

#include "config/device_names.h"
#include "config/generation_options.h"
#include "config/protocol.h"

namespace aieb {
namespace {

using enum OptionType;

constexpr const char* kReference = "1.0.0";  // documented by the reference
constexpr const char* kOurs = "1.1.0";

/// Access to a member of a (const or not) configuration `c`.
#define MEMBER(path) [](auto& c) -> auto& { return c.path; }

template <class Access>
ConfigOption row(std::string key, OptionType type, Access access, std::string since,
                 std::string description, Limits limits = {}, std::string unit = "") {
  return option<BenchmarkConfig>({std::move(key), type, std::move(limits), std::move(unit),
                                  std::move(since), std::move(description)},
                                 access);
}

ConfigOption with_members(ConfigOption option, const std::vector<OptionFacts>& members) {
  option.members = &members;
  return option;
}

/// A row that lives under a name inside a member of type Json.
template <class Access>
ConfigOption json_member(OptionFacts facts, Access access) {
  const std::string name = facts.key.substr(facts.key.rfind('.') + 1);
  return {std::move(facts),
          [access, name](BenchmarkConfig& c, const Json& value) { access(c)[name] = value; },
          [access, name](const BenchmarkConfig& c) {
            return access(c).is_object() ? access(c).value(name, Json()) : Json();
          }};
}

ConfigOption slo(const std::string& name, const std::string& unit, const std::string& what) {
  return json_member({"scenario.slo." + name, kNumber, above(0), unit, kOurs,
                      "Service level: largest " + what + " of a request that counts as good."},
                     MEMBER(scenario.slo));
}

const std::vector<OptionFacts>& reasoning_members() {
  static const std::vector<OptionFacts> rows = {
      {"reasoning_effort", kText,
       known({"low", "medium", "high", "none", "minimal", "xhigh", "max"}), "", kReference,
       "How much to reason: `low`, `medium`, `high` (gpt-oss; servers may know more levels)."},
      {"enable_thinking", kBoolean, anything(), "", kReference, "Turns reasoning on or off."},
      {"disable_thinking", kBoolean, anything(), "", kReference,
       "`true` turns reasoning off where it is on by default."},
      {"thinking_budget", kInteger, at_least(0), "tokens", kReference,
       "Most tokens to reason with (DeepSeek-R1; kept by servers that can)."},
      {"use_harmony", kBoolean, anything(), "", kReference,
       "Deprecated, as `backend.use_harmony`."},
  };
  return rows;
}

std::vector<ConfigOption> general_rows() {
  return {
      row("name", kText, MEMBER(name), kReference,
          "Name of the benchmark; appears in every report."),
      row("output_dir", kText, MEMBER(output_dir), kReference,
          "Folder of the log, the debug information and the traces."),
  };
}

std::vector<ConfigOption> backend_rows() {
  return {
      row("backend.type", kText, MEMBER(backend.type), kReference,
          "Who answers: `pytorch` runs the model in this process; the others are servers.",
          known({"pytorch", "vllm", "openai", "ollama"})),
      row("backend.engine", kText, MEMBER(backend.engine), kOurs,
          "Engine of the pytorch backend: `native`, or `transformers` in a Python process. `auto` "
          "takes the native one unless it does not know the model or `trust_remote_code` is true.",
          one_of({"auto", "native", "transformers"})),
      row("backend.model", kText, MEMBER(backend.model), kReference,
          "Hugging Face id, local folder or .gguf file; for servers the name they serve."),
      row("backend.revision", kText, MEMBER(backend.revision), kOurs,
          "Branch, tag or commit of a hub model."),
      row("backend.device", kText, MEMBER(backend.device), kReference,
          "`auto` takes a usable GPU, else the CPU; `cuda` without a usable GPU is an error.",
          one_of_or({"auto", "cuda", "cpu"}, is_numbered_device, "cuda:N")),
      row("backend.device_ids", kIntegerList, MEMBER(backend.device_ids), kReference,
          "GPUs to use, as nvidia-smi numbers them.", at_least(0)),
      row("backend.task", kText, MEMBER(backend.task), kReference, "The model's task.",
          known({"text-generation"})),
      row("backend.endpoint", kText, MEMBER(backend.endpoint), kReference,
          "URL of the server, with or without `/v1`."),
      row("backend.headers", kTextMap, MEMBER(backend.headers), kOurs,
          "Further HTTP headers, e.g. `Authorization: \"Bearer ${API_KEY}\"`."),
      row("backend.torch_dtype", kText, MEMBER(backend.torch_dtype), kReference,
          "Type of the weights; `auto` takes the checkpoint's.",
          one_of({"auto", "float16", "bfloat16", "float32"})),
      row("backend.device_map", kMapOrText, MEMBER(backend.device_map), kReference,
          "How layers are spread over `device_ids`: a strategy, a device, or a mapping of modules "
          "to devices.",
          one_of_or({"auto", "balanced", "balanced_low_0", "sequential"}, is_device, "a device")),
      row("backend.max_memory", kMap, MEMBER(backend.max_memory), kReference,
          "Memory limit per device, e.g. `0: \"20GB\"` or `cpu: \"64GiB\"`; what fits nowhere is "
          "read from disk."),
      row("backend.load_in_8bit", kBoolean, MEMBER(backend.load_in_8bit), kReference,
          "Quantize the weights of the layers to 8 bits when they are loaded (LLM.int8)."),
      row("backend.load_in_4bit", kBoolean, MEMBER(backend.load_in_4bit), kReference,
          "Quantize the weights of the layers to 4 bits when they are loaded."),
      row("backend.bnb_4bit_quant_type", kText, MEMBER(backend.bnb_4bit_quant_type), kOurs,
          "With `load_in_4bit`: the type of the codes, under bitsandbytes' name.",
          one_of({"fp4", "nf4"})),
      row("backend.bnb_4bit_use_double_quant", kBoolean, MEMBER(backend.bnb_4bit_use_double_quant),
          kOurs, "With `load_in_4bit`: quantize the scales, too."),
      row("backend.bnb_4bit_compute_dtype", kText, MEMBER(backend.bnb_4bit_compute_dtype), kOurs,
          "With `load_in_4bit`: type that products are computed in.",
          one_of({"float16", "bfloat16", "float32"})),
      row("backend.trust_remote_code", kBoolean, MEMBER(backend.trust_remote_code), kReference,
          "Allow a model's own Python code (transformers engine only)."),
      row("backend.use_cache", kBoolean, MEMBER(backend.use_cache), kReference,
          "Keep a key-value cache."),
      row("backend.pad_token_id", kInteger, MEMBER(backend.pad_token_id), kReference,
          "Padding token; the model's own if absent.", at_least(0)),
      row("backend.return_logits", kBoolean, MEMBER(backend.return_logits), kOurs,
          "Keep the last prompt position's logits in the results."),
      row("backend.threads", kInteger, MEMBER(backend.threads), kOurs,
          "CPU threads; all physical cores if absent.", at_least(1)),
      row("backend.options", kMap, MEMBER(backend.options), kOurs,
          "Further arguments of a backend that is a Python class (Python package only)."),
      row("backend.use_harmony", kBoolean, MEMBER(backend.use_harmony), kReference,
          "Deprecated: forces gpt-oss' Harmony format on or off. The model's name decides."),
  };
}

std::vector<ConfigOption> scenario_rows() {
  return {
      row("scenario.dataset_name", kText, MEMBER(scenario.dataset_name), kReference,
          "`quickstart` (the bundled prompts), a local file or folder, or a Hugging Face id."),
      row("scenario.dataset_config", kText, MEMBER(scenario.dataset_config), kOurs,
          "Configuration of a hub dataset; the only one, `default` or `main` if absent."),
      row("scenario.dataset_split", kText, MEMBER(scenario.dataset_split), kOurs,
          "Split of a hub dataset."),
      row("scenario.dataset_revision", kText, MEMBER(scenario.dataset_revision), kOurs,
          "Branch, tag or commit of a hub dataset."),
      row("scenario.text_column_name", kText, MEMBER(scenario.text_column_name), kReference,
          "Column with the prompts."),
      row("scenario.num_samples", kInteger, MEMBER(scenario.num_samples), kReference,
          "Prompts to measure.", at_least(1)),
      row("scenario.truncation", kBoolean, MEMBER(scenario.truncation), kReference,
          "Shorten prompts that do not fit the model's context."),
      row("scenario.input_shapes.batch_size", kInteger, MEMBER(scenario.batch_size), kReference,
          "Prompts answered together by an in-process backend.", at_least(1)),
      with_members(
          row("scenario.generate_kwargs", kMap, MEMBER(scenario.generate_kwargs), kReference,
              "Generation parameters, listed below. A mapping given here replaces the default as a "
              "whole."),
          generation_members()),
      row("scenario.reasoning", kBoolean, MEMBER(scenario.reasoning), kReference,
          "Turn reasoning on where `reasoning_params` does not say otherwise."),
      with_members(
          row("scenario.reasoning_params", kMap, MEMBER(scenario.reasoning_params), kReference,
              "Reasoning parameters, listed below; others go to the chat template."),
          reasoning_members()),
      row("scenario.reasoning_formats", kText, MEMBER(scenario.reasoning_formats), kOurs,
          "Another registry of reasoning formats (see reasoning_formats.yaml)."),
      row("scenario.use_chat_template", kAutoBoolean, MEMBER(scenario.use_chat_template), kOurs,
          "`auto`: the model's chat template when it has one."),
      row("scenario.add_special_tokens", kAutoBoolean, MEMBER(scenario.add_special_tokens), kOurs,
          "Whether the tokenizer adds its special tokens; `auto`: unless a template did."),
      row("scenario.seed", kInteger, MEMBER(scenario.seed), kOurs,
          "0 takes the dataset's first prompts; any other value draws them at random and seeds "
          "sampling.",
          between(0, 9007199254740992.0)),
  };
}

std::vector<ConfigOption> load_rows() {
  return {
      row("scenario.timeouts.connect_s", kNumber, MEMBER(scenario.timeouts.connect_s), kOurs,
          "To reach the server.", above(0), "s"),
      row("scenario.timeouts.first_token_s", kNumber, MEMBER(scenario.timeouts.first_token_s),
          kOurs, "From sending a request to its first token.", above(0), "s"),
      row("scenario.timeouts.total_s", kNumber, MEMBER(scenario.timeouts.total_s), kOurs,
          "For a whole request.", above(0), "s"),
      row("scenario.circuit_breaker.consecutive_failures", kInteger,
          MEMBER(scenario.circuit_breaker.consecutive_failures), kOurs,
          "Failed requests in a row that end a run (exit code 6); 0: never.", at_least(0)),
      row("scenario.load.mode", kText, MEMBER(scenario.load.mode), kOurs,
          "How requests reach a server: one after the other, a fixed number at a time, or at "
          "planned times.",
          one_of({"sequential", "closed", "constant", "poisson", "gamma", "trace"})),
      row("scenario.load.concurrency", kInteger, MEMBER(scenario.load.concurrency), kOurs,
          "Requests in flight (closed); in the open-loop modes a limit, if above 1.", at_least(1)),
      row("scenario.load.request_rate", kNumber, MEMBER(scenario.load.request_rate), kOurs,
          "Mean rate of arrivals (constant, poisson, gamma).", above(0), "1/s"),
      row("scenario.load.burstiness", kNumber, MEMBER(scenario.load.burstiness), kOurs,
          "Shape of gamma arrivals: 1 is poisson, below is burstier.", above(0)),
      row("scenario.load.duration_s", kNumber, MEMBER(scenario.load.duration_s), kOurs,
          "No request begins later; `closed` repeats its prompts until then.", above(0), "s"),
      row("scenario.load.drain_s", kNumber, MEMBER(scenario.load.drain_s), kOurs,
          "How long what is in flight is waited for when the duration or the stages are over; the "
          "rest is then cancelled.",
          at_least(0), "s"),
      row("scenario.load.request_count", kInteger, MEMBER(scenario.load.request_count), kOurs,
          "Most requests; if absent as many as the duration, the stages or the trace hold, else "
          "`scenario.num_samples`.",
          at_least(1)),
      row("scenario.load.stages", kList, MEMBER(scenario.load.stages), kOurs,
          "Loads that follow each other, each `{duration_s, request_rate}` or `{duration_s, "
          "concurrency}`; two numbers `[from, to]` are a linear ramp."),
      row("scenario.load.trace_file", kText, MEMBER(scenario.load.trace_file), kOurs,
          "Recorded arrivals to replay (trace): Azure, BurstGPT or Mooncake columns, csv or "
          "jsonl."),
      row("scenario.load.time_scale", kNumber, MEMBER(scenario.load.time_scale), kOurs,
          "How many times faster than recorded a trace is replayed.", above(0)),
      row("scenario.load.allow_cached_repeats", kBoolean,
          MEMBER(scenario.load.allow_cached_repeats), kOurs,
          "Let the server's prefix cache answer prompts that are sent again; otherwise each time "
          "round gets a `cache_salt` of its own (vllm)."),
      row("scenario.load.calibrate", kText, MEMBER(scenario.load.calibrate), kOurs,
          "Measure what the client itself adds to latencies, against a built-in server, before the "
          "run; auto: for every load but `sequential`.",
          one_of({"auto", "true", "false"})),
      slo("ttft_ms", "ms", "time to first token"),
      slo("tpot_ms", "ms", "time per output token"),
      slo("itl_ms", "ms", "inter-token latency"),
      slo("e2e_ms", "ms", "end-to-end latency"),
      slo("energy_j", "J", "energy"),
      slo("energy_per_token_j", "J", "energy per output token"),
  };
}

/// The rows of one distribution of lengths.
std::vector<ConfigOption> length_rows(const std::string& name,
                                      TokenLengthConfig SyntheticConfig::* lengths,
                                      const std::string& of) {
  const auto part = [&](const char* member_name, OptionType type, auto member, Limits limits,
                        const std::string& description) {
    const auto access = [lengths, member](auto& c) -> auto& {
      return (c.scenario.synthetic.*lengths).*member;
    };
    return row("scenario.synthetic." + name + "." + member_name, type, access, kOurs, description,
               std::move(limits), "tokens");
  };
  return {
      part("mean", kNumber, &TokenLengthConfig::mean, at_least(1),
           "Mean length of " + of + "; without it all lengths from min to max are as likely."),
      part("stdev", kNumber, &TokenLengthConfig::stdev, at_least(0),
           "Standard deviation around the mean (normal, cut to min and max)."),
      part("min", kInteger, &TokenLengthConfig::min, at_least(1), "Shortest."),
      part("max", kInteger, &TokenLengthConfig::max, at_least(1), "Longest."),
  };
}

std::vector<ConfigOption> synthetic_rows() {
  std::vector<ConfigOption> rows =
      length_rows("input_tokens", &SyntheticConfig::input_tokens,
                  "synthetic prompts, chat template included; they take the place of the dataset");
  const std::vector<ConfigOption> output =
      length_rows("output_tokens", &SyntheticConfig::output_tokens,
                  "their answers, which are then made exactly that long where the server can");
  rows.insert(rows.end(), output.begin(), output.end());
  rows.push_back(row("scenario.synthetic.prefix_groups", kInteger,
                     MEMBER(scenario.synthetic.prefix_groups), kOurs,
                     "Number of different shared prefixes.", at_least(1)));
  rows.push_back(row("scenario.synthetic.prefix_tokens", kInteger,
                     MEMBER(scenario.synthetic.prefix_tokens), kOurs,
                     "Tokens that the prompts of a group share, on top of `input_tokens`.",
                     at_least(0), "tokens"));
  rows.push_back(row("scenario.synthetic.tokenizer", kText, MEMBER(scenario.synthetic.tokenizer),
                     kOurs,
                     "Folder or Hugging Face id of the tokenizer that counts; if absent the "
                     "server's /tokenize, else the model's own."));
  return rows;
}

std::vector<ConfigOption> conversation_rows() {
  return {
      row("scenario.conversation.think_time_s", kNumber, MEMBER(scenario.conversation.think_time_s),
          kOurs, "Mean time from an answer to the next turn of its conversation.", at_least(0),
          "s"),
      row("scenario.conversation.think_time_stdev_s", kNumber,
          MEMBER(scenario.conversation.think_time_stdev_s), kOurs,
          "Standard deviation around it (normal, cut at 0).", at_least(0), "s"),
      row("scenario.conversation.max_turns", kInteger, MEMBER(scenario.conversation.max_turns),
          kOurs, "Most turns of a conversation; all if absent.", at_least(1)),
  };
}

std::vector<ConfigOption> metrics_rows() {
  return {
      row("metrics.type", kText, MEMBER(metrics.type), kReference, "Format of the emissions files.",
          known({"codecarbon"})),
      row("metrics.enabled", kBoolean, MEMBER(metrics.enabled), kReference, "Measure energy."),
      row("metrics.project_name", kText, MEMBER(metrics.project_name), kReference,
          "Project in the emissions files."),
      row("metrics.output_dir", kText, MEMBER(metrics.output_dir), kReference,
          "Folder of the emissions files."),
      row("metrics.country_iso_code", kText, MEMBER(metrics.country_iso_code), kReference,
          "ISO 3166-1 alpha-3 code; the default is marked `assumed` in the results."),
      row("metrics.region", kText, MEMBER(metrics.region), kReference,
          "Region of the country, e.g. `california`."),
      row("metrics.location_given", kBoolean, MEMBER(metrics.location_given), kOurs,
          "Whether a country or region was named; written into resolved configurations, set by "
          "itself otherwise."),
      row("metrics.carbon_intensity_g_per_kwh", kNumber, MEMBER(metrics.carbon_intensity_g_per_kwh),
          kOurs, "Your grid's carbon intensity, instead of the tables'.", at_least(0), "g/kWh"),
      row("metrics.carbon_intensity_series", kText, MEMBER(metrics.carbon_intensity_series), kOurs,
          "CSV file of the grid's carbon intensity by time, instead of the tables' "
          "(docs/carbon.md, "
          "By the hour)."),
      row("metrics.carbon_intensity_live", kText, MEMBER(metrics.carbon_intensity_live), kOurs,
          "Look the carbon intensity of now up on the network: needs a token (docs/carbon.md, "
          "Live).",
          one_of({"off", "electricity_maps"})),
      row("metrics.carbon_intensity_zone", kText, MEMBER(metrics.carbon_intensity_zone), kOurs,
          "Zone of Electricity Maps (`FR`, `US-CAL-CISO`) or `latitude,longitude`, for the live "
          "intensity and for a series of several zones; by the location if absent."),
      row("metrics.carbon_intensity_uncertainty_percent", kNumber,
          MEMBER(metrics.carbon_intensity_uncertainty_percent), kOurs,
          "Expanded uncertainty (k = 2) of the carbon intensity, instead of what docs/carbon.md "
          "derives.",
          at_least(0), "%"),
      row("metrics.electricity_maps.url", kText, MEMBER(metrics.electricity_maps.url), kOurs,
          "Where the API of Electricity Maps is."),
      row("metrics.electricity_maps.token", kText, MEMBER(metrics.electricity_maps.token), kOurs,
          "Its token, as `${VARIABLE}`; ELECTRICITYMAPS_API_TOKEN if absent. Written nowhere."),
      row("metrics.pue", kNumber, MEMBER(metrics.pue), kOurs,
          "Power usage effectiveness of the data centre.", at_least(1)),
      row("metrics.pue_uncertainty_percent", kNumber, MEMBER(metrics.pue_uncertainty_percent),
          kOurs, "Expanded uncertainty (k = 2) of the PUE.", at_least(0), "%"),
      row("metrics.wue_l_per_kwh", kNumber, MEMBER(metrics.wue_l_per_kwh), kOurs,
          "Water usage effectiveness of the data centre.", at_least(0), "l/kWh"),
      row("metrics.wue_uncertainty_percent", kNumber, MEMBER(metrics.wue_uncertainty_percent),
          kOurs, "Expanded uncertainty (k = 2) of the WUE.", at_least(0), "%"),
      row("metrics.embodied", kList, MEMBER(metrics.embodied), kOurs,
          "Emissions of making the hardware, spread over its life: a list of components with their "
          "source (docs/carbon.md, Embodied)."),
      row("metrics.idle_s", kNumber, MEMBER(metrics.idle_s), kOurs,
          "How long idle power is measured before the run; 0: not at all.", at_least(0), "s"),
      row("metrics.warmup_prompts", kInteger, MEMBER(metrics.warmup_prompts), kOurs,
          "Prompts answered before measuring.", at_least(0)),
      row("metrics.scope", kText, MEMBER(metrics.scope), kOurs,
          "Where a server's energy is measured; `auto` looks for its process on this host.",
          one_of({"auto", "local", "remote"})),
      row("metrics.sources", kList, MEMBER(metrics.sources), kOurs,
          "Exporters that measure the server's host, and its own metrics page (docs/meters.md, "
          "Exporters; docs/servers.md, The server's own numbers)."),
      with_members(
          row("metrics.protocol", kMapOrText, MEMBER(metrics.protocol), kOurs,
              "How the measurement is taken: the name of a protocol, or its fields (below).",
              one_of(protocol_names())),
          protocol_members()),
      row("metrics.collectors", kMap, MEMBER(metrics.collectors), kOurs,
          "Collectors that are Python classes, by registered name, each with its arguments or "
          "nothing (Python package only)."),
      row("metrics.price.currency", kText, MEMBER(metrics.price.currency), kOurs,
          "Currency of the prices."),
      row("metrics.price.per_kwh", kNumber, MEMBER(metrics.price.per_kwh), kOurs,
          "Price of energy; gives the cost of the run and of 1,000 prompts, PUE applied.",
          at_least(0), "1/kWh"),
      row("metrics.price.per_gpu_hour", kNumber, MEMBER(metrics.price.per_gpu_hour), kOurs,
          "Price of a GPU; its measured time is added to the cost.", at_least(0), "1/h"),
  };
}

std::vector<ConfigOption> reporter_rows() {
  return {
      row("reporter.type", kText, MEMBER(reporters.at(0).type), kReference,
          "Format of a report. `reporter` may be a list of several.",
          known({"csv", "json", "jsonl", "html", "markdown", "sqlite", "codecarbon", "boamps",
                 "ml_energy", "ai_energy_score"})),
      row("reporter.output_file", kText, MEMBER(reporters.at(0).output_file), kReference,
          "File of the report; for other types than csv `./results/benchmark_results.<type>`."),
  };
}

std::vector<ConfigOption> all_rows() {
  std::vector<ConfigOption> rows;
  for (const auto& section :
       {general_rows(), backend_rows(), scenario_rows(), load_rows(), synthetic_rows(),
        conversation_rows(), metrics_rows(), reporter_rows()}) {
    rows.insert(rows.end(), section.begin(), section.end());
  }
  return rows;
}

#undef MEMBER

constexpr std::array kAliases = {
    KeyAlias{"scenario.batch_size", "scenario.input_shapes.batch_size"},
    KeyAlias{"reasoning_params", "scenario.reasoning_params"},
};

constexpr std::array kEnvironment = {
    EnvironmentOption{"BENCHMARK_BACKEND", "backend.type", ""},
    EnvironmentOption{"BENCHMARK_MODEL", "backend.model", ""},
    EnvironmentOption{"VLLM_ENDPOINT", "backend.endpoint", ""},
    EnvironmentOption{"NUM_SAMPLES", "scenario.num_samples", ""},
    EnvironmentOption{"MAX_NEW_TOKENS", "scenario.generate_kwargs.max_new_tokens",
                      "the other generation parameters stay"},
    EnvironmentOption{"VLLM_TIMEOUT", "scenario.timeouts.total_s", ""},
    EnvironmentOption{"COUNTRY_ISO_CODE", "metrics.country_iso_code", ""},
    EnvironmentOption{"REGION", "metrics.region", ""},
    EnvironmentOption{"OUTPUT_DIR", "output_dir", ""},
    EnvironmentOption{"RESULTS_FILE", "reporter.output_file", "of the first csv reporter"},
};

}  // namespace

std::span<const ConfigOption> option_table() {
  static const std::vector<ConfigOption> rows = all_rows();
  return rows;
}

const ConfigOption* find_option(std::string_view key) {
  const auto rows = option_table();
  const auto row = std::find_if(rows.begin(), rows.end(),
                                [&](const ConfigOption& option) { return option.key == key; });
  return row == rows.end() ? nullptr : &*row;
}

bool is_section(std::string_view key) {
  const std::string prefix = std::string(key) + ".";
  const auto rows = option_table();
  return std::any_of(rows.begin(), rows.end(),
                     [&](const ConfigOption& option) { return option.key.starts_with(prefix); });
}

std::span<const KeyAlias> key_aliases() { return kAliases; }

std::span<const EnvironmentOption> environment_table() { return kEnvironment; }

Json default_of(const ConfigOption& option) {
  static const BenchmarkConfig defaults;
  return option.get(defaults);
}

}  // namespace aieb
