"""What the reference's documentation shows for Python: every import, call, attribute and key.

The snippets are our own words for the same calls; servers and models are small stand-ins.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_harness import fake_server
from python_harness import clean_environment, write_prompts


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """In a folder with configs/base.yaml and a running server."""
    clean_environment(monkeypatch, tmp_path)
    (tmp_path / "configs").mkdir()
    with fake_server("--model", "fake-model", "--model", "gpt2-medium") as url:
        (tmp_path / "configs" / "base.yaml").write_text(
            f"""\
name: base
backend:
  type: vllm
  endpoint: "${{VLLM_ENDPOINT:-{url}}}"
  model: "${{MODEL_NAME:-fake-model}}"
scenario:
  dataset_name: {write_prompts(tmp_path, 30)}
  num_samples: "${{NUM_SAMPLES:-3}}"
  generate_kwargs: {{max_new_tokens: 5}}
metrics: {{type: codecarbon, idle_s: 0}}
"""
        )
        yield url


def test_the_package_imports() -> None:
    import ai_energy_benchmarks

    assert ai_energy_benchmarks.__version__.count(".") == 2


@pytest.mark.vllm
def test_basic_usage(endpoint: str) -> None:
    from ai_energy_benchmarks.runner import run_benchmark_from_config

    results = run_benchmark_from_config("configs/base.yaml")
    assert f"Energy consumed: {results['summary']['total_energy_wh']} Wh".endswith(" Wh")


@pytest.mark.vllm
def test_configuration_overrides(endpoint: str) -> None:
    from ai_energy_benchmarks.runner import run_benchmark_from_config

    overrides = {"scenario": {"num_samples": 20}, "backend": {"model": "gpt2-medium"}}
    results = run_benchmark_from_config("configs/base.yaml", overrides=overrides)
    assert results["summary"]["total_prompts"] == 20
    assert results["summary"]["model"] == "gpt2-medium"


@pytest.mark.vllm
def test_the_runner_and_the_structure_of_its_results(endpoint: str) -> None:
    from ai_energy_benchmarks.config.parser import BenchmarkConfig
    from ai_energy_benchmarks.runner import BenchmarkRunner

    config = BenchmarkConfig()
    config.name = "my_benchmark"
    config.backend.type = "vllm"
    config.backend.model = "fake-model"
    config.backend.endpoint = endpoint
    config.scenario.dataset_name = "prompts.jsonl"
    config.scenario.num_samples = 10
    config.metrics.idle_s = 0
    runner = BenchmarkRunner(config)
    results = runner.run()
    kinds: dict[str, type | tuple[type, ...]] = {
        "name": str,
        "backend": str,
        "model": str,
        "total_prompts": int,
        "successful_prompts": int,
        "failed_prompts": int,
        "total_energy_wh": float,
        "total_emissions_g_co2eq": float,
        "avg_latency_s": float,
        "throughput_prompts_per_sec": float,
    }
    for key, kind in kinds.items():
        assert isinstance(results["summary"][key], kind), key
    assert len(results["per_prompt_results"]) == 10
    assert isinstance(results["gpu_stats"], dict)


@pytest.mark.vllm
def test_the_config_parser(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from ai_energy_benchmarks.config.parser import ConfigParser

    config = ConfigParser.load_config("configs/base.yaml")
    assert config.scenario.num_samples == 3
    overrides = {"scenario": {"num_samples": 20}}
    config = ConfigParser.load_config_with_overrides("configs/base.yaml", overrides)
    assert config.scenario.num_samples == 20
    is_valid = ConfigParser.validate_config(config)
    assert is_valid
    monkeypatch.setenv("NUM_SAMPLES", "5")
    monkeypatch.setenv("MODEL_NAME", "gpt2-medium")
    config = ConfigParser.load_config("configs/base.yaml")
    assert (config.scenario.num_samples, config.backend.model) == (5, "gpt2-medium")


@pytest.mark.vllm
def test_the_vllm_backend(endpoint: str) -> None:
    from ai_energy_benchmarks.backends.vllm import VLLMBackend

    backend = VLLMBackend(endpoint=endpoint, model="fake-model")
    backend.validate_environment()
    result = backend.run_inference("Hello world")
    assert result["text"]


@pytest.mark.vllm
def test_a_comparison_of_two_csv_files(endpoint: str) -> None:
    import pandas as pd

    from ai_energy_benchmarks.runner import run_benchmark_from_config

    for model, file in (("fake-model", "a.csv"), ("gpt2-medium", "b.csv")):
        overrides = {"backend": {"model": model}, "reporter": {"output_file": f"results/{file}"}}
        run_benchmark_from_config("configs/base.yaml", overrides)
    first, second = (pd.read_csv(f"results/{name}.csv") for name in "ab")
    assert first["energy_wh"].iloc[0] > 0
    assert second["model"].iloc[0] == "gpt2-medium"


@pytest.mark.vllm
def test_debug_logging(endpoint: str, caplog: pytest.LogCaptureFixture) -> None:
    from ai_energy_benchmarks.runner import run_benchmark_from_config

    with caplog.at_level(logging.DEBUG):
        run_benchmark_from_config("configs/base.yaml")
    assert [r for r in caplog.records if r.name == "ai_energy_benchmarks"]


def test_the_registries_are_where_the_documents_say() -> None:
    from ai_energy_benchmarks.backends.base import Backend
    from ai_energy_benchmarks.config.parser import REPORTER_REGISTRY
    from ai_energy_benchmarks.reporters.csv_reporter import CSVReporter
    from ai_energy_benchmarks.runner import BACKEND_REGISTRY, PyTorchBackend, VLLMBackend

    assert BACKEND_REGISTRY["vllm"] is VLLMBackend
    assert BACKEND_REGISTRY["pytorch"] is PyTorchBackend
    assert REPORTER_REGISTRY["csv"] is CSVReporter
    assert issubclass(VLLMBackend, Backend)


def test_a_backend_of_the_documented_shape(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from ai_energy_benchmarks.backends.base import Backend
    from ai_energy_benchmarks.runner import BACKEND_REGISTRY, run_benchmark_from_config

    class TensorRTBackend(Backend):
        def __init__(
            self, model: str, device: str = "cuda", device_ids: Any = None, **kwargs: Any
        ) -> None:
            super().__init__()
            self.model = model
            self.device_ids = device_ids or [0]

        def validate_environment(self) -> bool:
            return True

        def load_model(self) -> None:
            self.loaded = True

        def run_inference(
            self, prompt: str, reasoning_params: Any = None, **generate_kwargs: Any
        ) -> dict[str, Any]:
            return {"text": f"{self.loaded} {self.device_ids}"}

        def cleanup(self) -> None:
            del self.loaded

    clean_environment(monkeypatch, tmp_path)
    monkeypatch.setitem(BACKEND_REGISTRY, "tensorrt", TensorRTBackend)
    (tmp_path / "trt.yaml").write_text(
        f"""\
backend: {{type: tensorrt, model: meta-llama/Llama-2-7b-hf, device: cuda, device_ids: [1]}}
scenario: {{dataset_name: {write_prompts(tmp_path)}, num_samples: 2}}
metrics: {{idle_s: 0}}
"""
    )
    results = run_benchmark_from_config("trt.yaml")
    assert [p["text"] for p in results["per_prompt_results"]] == ["True [1]"] * 2


def test_a_reporter_of_the_documented_shape(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, endpoint: str
) -> None:
    from ai_energy_benchmarks.config.parser import REPORTER_REGISTRY
    from ai_energy_benchmarks.runner import run_benchmark_from_config

    class JSONReporter:
        def __init__(self, output_file: str) -> None:
            self.output_file = Path(output_file)
            self.output_file.parent.mkdir(parents=True, exist_ok=True)

        def report(self, results: dict[str, Any]) -> None:
            with self.output_file.open("w") as f:
                json.dump(results, f, indent=2)

    monkeypatch.setitem(REPORTER_REGISTRY, "json", JSONReporter)
    overrides = {"reporter": {"type": "json", "output_file": "./results/r.json"}}
    run_benchmark_from_config("configs/base.yaml", overrides)
    assert json.loads(Path("results/r.json").read_text())["summary"]["name"] == "base"
