"""The sections of a configuration. Made by tools/make_config_schema.py: do not edit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ai_energy_benchmarks.config.section import Section


@dataclass
class BackendConfig(Section):
    """The section `backend`."""

    #: Who answers: pytorch runs the model in this process; the others are servers.
    type: str = "vllm"
    #: Engine of the pytorch backend: native, or transformers in a Python process. auto takes the native one unless it does not know the model or trust_remote_code is true.
    engine: str = "auto"
    #: Hugging Face id, local folder or .gguf file; for servers the name they serve.
    model: str = "openai/gpt-oss-120b"
    #: Branch, tag or commit of a hub model.
    revision: str | None = None
    #: auto takes a usable GPU, else the CPU; cuda without a usable GPU is an error.
    device: str = "cuda"
    #: GPUs to use, as nvidia-smi numbers them.
    device_ids: list[int] = field(default_factory=lambda: [0])
    #: The model's task.
    task: str = "text-generation"
    #: URL of the server, with or without /v1.
    endpoint: str = "http://localhost:8000/v1"
    #: Further HTTP headers, e.g. Authorization: "Bearer ${API_KEY}".
    headers: dict[str, str] = field(default_factory=dict)
    #: Type of the weights; auto takes the checkpoint's.
    torch_dtype: str = "auto"
    #: How layers are spread over device_ids: a strategy, a device, or a mapping of modules to devices.
    device_map: dict[str, Any] | str | None = None
    #: Memory limit per device, e.g. 0: "20GB" or cpu: "64GiB"; what fits nowhere is read from disk.
    max_memory: dict[str, Any] | None = None
    #: Quantize the weights of the layers to 8 bits when they are loaded (LLM.int8).
    load_in_8bit: bool = False
    #: Quantize the weights of the layers to 4 bits when they are loaded.
    load_in_4bit: bool = False
    #: With load_in_4bit: the type of the codes, under bitsandbytes' name.
    bnb_4bit_quant_type: str = "fp4"
    #: With load_in_4bit: quantize the scales, too.
    bnb_4bit_use_double_quant: bool = False
    #: With load_in_4bit: type that products are computed in.
    bnb_4bit_compute_dtype: str = "float32"
    #: Allow a model's own Python code (transformers engine only).
    trust_remote_code: bool = False
    #: Keep a key-value cache.
    use_cache: bool = True
    #: Padding token; the model's own if absent.
    pad_token_id: int | None = None
    #: Keep the last prompt position's logits in the results.
    return_logits: bool = False
    #: CPU threads; all physical cores if absent.
    threads: int | None = None
    #: Further arguments of a backend that is a Python class (Python package only).
    options: dict[str, Any] | None = None
    #: Deprecated: forces gpt-oss' Harmony format on or off. The model's name decides.
    use_harmony: bool | None = None


@dataclass
class InputShapesConfig(Section):
    """The section `input_shapes`."""

    #: Prompts answered together by an in-process backend.
    batch_size: int = 1


@dataclass
class TimeoutsConfig(Section):
    """The section `timeouts`."""

    #: To reach the server. (s)
    connect_s: float = 10.0
    #: From sending a request to its first token. (s)
    first_token_s: float = 300.0
    #: For a whole request. (s)
    total_s: float = 600.0


@dataclass
class CircuitBreakerConfig(Section):
    """The section `circuit_breaker`."""

    #: Failed requests in a row that end a run (exit code 6); 0: never.
    consecutive_failures: int = 3


@dataclass
class LoadConfig(Section):
    """The section `load`."""

    #: How requests reach a server: one after the other, a fixed number at a time, or at planned times.
    mode: str = "sequential"
    #: Requests in flight (closed); in the open-loop modes a limit, if above 1.
    concurrency: int = 1
    #: Mean rate of arrivals (constant, poisson, gamma). (1/s)
    request_rate: float | None = None
    #: Shape of gamma arrivals: 1 is poisson, below is burstier.
    burstiness: float | None = None
    #: No request begins later; closed repeats its prompts until then. (s)
    duration_s: float | None = None
    #: How long what is in flight is waited for when the duration or the stages are over; the rest is then cancelled. (s)
    drain_s: float = 30.0
    #: Most requests; if absent as many as the duration, the stages or the trace hold, else scenario.num_samples.
    request_count: int | None = None
    #: Loads that follow each other, each {duration_s, request_rate} or {duration_s, concurrency}; two numbers [from, to] are a linear ramp.
    stages: list[Any] | None = None
    #: Recorded arrivals to replay (trace): Azure, BurstGPT or Mooncake columns, csv or jsonl.
    trace_file: str | None = None
    #: How many times faster than recorded a trace is replayed.
    time_scale: float = 1.0
    #: Let the server's prefix cache answer prompts that are sent again; otherwise each time round gets a cache_salt of its own (vllm).
    allow_cached_repeats: bool = False
    #: Measure what the client itself adds to latencies, against a built-in server, before the run; auto: for every load but sequential.
    calibrate: str = "auto"


@dataclass
class SloConfig(Section):
    """The section `slo`."""

    #: Service level: largest time to first token of a request that counts as good. (ms)
    ttft_ms: float | None = None
    #: Service level: largest time per output token of a request that counts as good. (ms)
    tpot_ms: float | None = None
    #: Service level: largest inter-token latency of a request that counts as good. (ms)
    itl_ms: float | None = None
    #: Service level: largest end-to-end latency of a request that counts as good. (ms)
    e2e_ms: float | None = None
    #: Service level: largest energy of a request that counts as good. (J)
    energy_j: float | None = None
    #: Service level: largest energy per output token of a request that counts as good. (J)
    energy_per_token_j: float | None = None


@dataclass
class InputTokensConfig(Section):
    """The section `input_tokens`."""

    #: Mean length of synthetic prompts, chat template included; they take the place of the dataset; without it all lengths from min to max are as likely. (tokens)
    mean: float | None = None
    #: Standard deviation around the mean (normal, cut to min and max). (tokens)
    stdev: float = 0.0
    #: Shortest. (tokens)
    min: int | None = None
    #: Longest. (tokens)
    max: int | None = None


@dataclass
class OutputTokensConfig(Section):
    """The section `output_tokens`."""

    #: Mean length of their answers, which are then made exactly that long where the server can; without it all lengths from min to max are as likely. (tokens)
    mean: float | None = None
    #: Standard deviation around the mean (normal, cut to min and max). (tokens)
    stdev: float = 0.0
    #: Shortest. (tokens)
    min: int | None = None
    #: Longest. (tokens)
    max: int | None = None


@dataclass
class SyntheticConfig(Section):
    """The section `synthetic`."""

    input_tokens: InputTokensConfig = field(default_factory=InputTokensConfig)
    output_tokens: OutputTokensConfig = field(default_factory=OutputTokensConfig)
    #: Number of different shared prefixes.
    prefix_groups: int = 1
    #: Tokens that the prompts of a group share, on top of input_tokens. (tokens)
    prefix_tokens: int = 0
    #: Folder or Hugging Face id of the tokenizer that counts; if absent the server's /tokenize, else the model's own.
    tokenizer: str | None = None


@dataclass
class ConversationConfig(Section):
    """The section `conversation`."""

    #: Mean time from an answer to the next turn of its conversation. (s)
    think_time_s: float = 0.0
    #: Standard deviation around it (normal, cut at 0). (s)
    think_time_stdev_s: float = 0.0
    #: Most turns of a conversation; all if absent.
    max_turns: int | None = None


@dataclass
class ScenarioConfig(Section):
    """The section `scenario`."""

    #: quickstart (the bundled prompts), a local file or folder, or a Hugging Face id.
    dataset_name: str = "AIEnergyScore/text_generation"
    #: Configuration of a hub dataset; the only one, default or main if absent.
    dataset_config: str | None = None
    #: Split of a hub dataset.
    dataset_split: str = "train"
    #: Branch, tag or commit of a hub dataset.
    dataset_revision: str | None = None
    #: Column with the prompts.
    text_column_name: str = "text"
    #: Prompts to measure.
    num_samples: int = 10
    #: Shorten prompts that do not fit the model's context.
    truncation: bool = True
    input_shapes: InputShapesConfig = field(default_factory=InputShapesConfig)
    #: Generation parameters, listed below. A mapping given here replaces the default as a whole.
    generate_kwargs: dict[str, Any] = field(
        default_factory=lambda: {"max_new_tokens": 100, "min_new_tokens": 50}
    )
    #: Turn reasoning on where reasoning_params does not say otherwise.
    reasoning: bool = False
    #: Reasoning parameters, listed below; others go to the chat template.
    reasoning_params: dict[str, Any] | None = None
    #: Another registry of reasoning formats (see reasoning_formats.yaml).
    reasoning_formats: str | None = None
    #: auto: the model's chat template when it has one.
    use_chat_template: str = "auto"
    #: Whether the tokenizer adds its special tokens; auto: unless a template did.
    add_special_tokens: str = "auto"
    #: 0 takes the dataset's first prompts; any other value draws them at random and seeds sampling.
    seed: int = 0
    timeouts: TimeoutsConfig = field(default_factory=TimeoutsConfig)
    circuit_breaker: CircuitBreakerConfig = field(default_factory=CircuitBreakerConfig)
    load: LoadConfig = field(default_factory=LoadConfig)
    slo: SloConfig = field(default_factory=SloConfig)
    synthetic: SyntheticConfig = field(default_factory=SyntheticConfig)
    conversation: ConversationConfig = field(default_factory=ConversationConfig)


@dataclass
class ElectricityMapsConfig(Section):
    """The section `electricity_maps`."""

    #: Where the API of Electricity Maps is.
    url: str = "https://api.electricitymaps.com"
    #: Its token, as ${VARIABLE}; ELECTRICITYMAPS_API_TOKEN if absent. Written nowhere.
    token: str | None = None


@dataclass
class PriceConfig(Section):
    """The section `price`."""

    #: Currency of the prices.
    currency: str = "USD"
    #: Price of energy; gives the cost of the run and of 1,000 prompts, PUE applied. (1/kWh)
    per_kwh: float | None = None
    #: Price of a GPU; its measured time is added to the cost. (1/h)
    per_gpu_hour: float | None = None


@dataclass
class MetricsConfig(Section):
    """The section `metrics`."""

    #: Format of the emissions files.
    type: str = "codecarbon"
    #: Measure energy.
    enabled: bool = True
    #: Project in the emissions files.
    project_name: str = "ai_energy_benchmarks"
    #: Folder of the emissions files.
    output_dir: str = "./emissions"
    #: ISO 3166-1 alpha-3 code; the default is marked assumed in the results.
    country_iso_code: str = "USA"
    #: Region of the country, e.g. california.
    region: str | None = None
    #: Whether a country or region was named; written into resolved configurations, set by itself otherwise.
    location_given: bool = False
    #: Your grid's carbon intensity, instead of the tables'. (g/kWh)
    carbon_intensity_g_per_kwh: float | None = None
    #: CSV file of the grid's carbon intensity by time, instead of the tables' (docs/carbon.md, By the hour).
    carbon_intensity_series: str | None = None
    #: Look the carbon intensity of now up on the network: needs a token (docs/carbon.md, Live).
    carbon_intensity_live: str = "off"
    #: Zone of Electricity Maps (FR, US-CAL-CISO) or latitude,longitude, for the live intensity and for a series of several zones; by the location if absent.
    carbon_intensity_zone: str | None = None
    #: Expanded uncertainty (k = 2) of the carbon intensity, instead of what docs/carbon.md derives. (%)
    carbon_intensity_uncertainty_percent: float | None = None
    electricity_maps: ElectricityMapsConfig = field(default_factory=ElectricityMapsConfig)
    #: Power usage effectiveness of the data centre.
    pue: float = 1.0
    #: Expanded uncertainty (k = 2) of the PUE. (%)
    pue_uncertainty_percent: float = 0.0
    #: Water usage effectiveness of the data centre. (l/kWh)
    wue_l_per_kwh: float = 0.0
    #: Expanded uncertainty (k = 2) of the WUE. (%)
    wue_uncertainty_percent: float = 0.0
    #: Emissions of making the hardware, spread over its life: a list of components with their source (docs/carbon.md, Embodied).
    embodied: list[Any] | None = None
    #: How long idle power is measured before the run; 0: not at all. (s)
    idle_s: float = 5.0
    #: Prompts answered before measuring.
    warmup_prompts: int = 1
    #: Where a server's energy is measured; auto looks for its process on this host.
    scope: str = "auto"
    #: Exporters that measure the server's host, and its own metrics page (docs/meters.md, Exporters; docs/servers.md, The server's own numbers).
    sources: list[Any] | None = None
    #: How the measurement is taken: the name of a protocol, or its fields (below).
    protocol: dict[str, Any] | str | None = None
    #: Collectors that are Python classes, by registered name, each with its arguments or nothing (Python package only).
    collectors: dict[str, Any] | None = None
    price: PriceConfig = field(default_factory=PriceConfig)


@dataclass
class ReporterConfig(Section):
    """The section `reporter`."""

    #: Format of a report. reporter may be a list of several.
    type: str = "csv"
    #: File of the report; for other types than csv ./results/benchmark_results.<type>.
    output_file: str = "./results/benchmark_results.csv"


@dataclass
class BenchmarkConfig(Section):
    """All sections."""

    #: Name of the benchmark; appears in every report.
    name: str = "benchmark"
    #: Folder of the log, the debug information and the traces.
    output_dir: str = "./benchmark_output"
    backend: BackendConfig = field(default_factory=BackendConfig)
    scenario: ScenarioConfig = field(default_factory=ScenarioConfig)
    metrics: MetricsConfig = field(default_factory=MetricsConfig)
    reporters: list[ReporterConfig] = field(default_factory=lambda: [ReporterConfig()])
