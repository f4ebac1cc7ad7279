"""Backends, collectors and reporters in Python, under the C++ runner; docs/extending.md as it is."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from python_harness import PROMPTS, clean_environment, config_values

from ai_energy_benchmarks.backends.base import Backend
from ai_energy_benchmarks.config.parser import BenchmarkConfig, ConfigParser
from ai_energy_benchmarks.errors import BenchmarkError, BenchmarkInterrupted, SetupError
from ai_energy_benchmarks.metrics import METRICS_REGISTRY
from ai_energy_benchmarks.reporters import REPORTER_REGISTRY
from ai_energy_benchmarks.runner import BACKEND_REGISTRY, BenchmarkRunner

DOCUMENT = Path(__file__).resolve().parent.parent.parent / "docs" / "extending.md"


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    clean_environment(monkeypatch, tmp_path)
    registries: list[dict[str, Any]] = [BACKEND_REGISTRY, METRICS_REGISTRY, REPORTER_REGISTRY]
    before = [dict(registry) for registry in registries]
    yield
    for registry, entries in zip(registries, before, strict=True):
        registry.clear()
        registry.update(entries)


def config_of(folder: Path, name: str = "own", **backend: Any) -> BenchmarkConfig:
    values = config_values(folder, type=name, model="m", **backend)
    return BenchmarkConfig.from_dict(values)


class OwnBackend(Backend):
    def __init__(self, model: str = "", **options: Any) -> None:
        self.model = model
        self.options = options

    def run_inference(
        self, prompt: str, reasoning_params: dict[str, Any] | None = None, **generate_kwargs: Any
    ) -> Any:
        return self.answer(prompt, reasoning_params, generate_kwargs)

    def answer(self, prompt: str, reasoning: Any, arguments: dict[str, Any]) -> Any:
        time.sleep(0.05)
        return {"text": prompt.upper(), "prompt_tokens": 2, "completion_tokens": 5}


def test_requests_are_timed_and_recorded_by_the_core(tmp_path: Path) -> None:
    BACKEND_REGISTRY["own"] = OwnBackend
    results = BenchmarkRunner(config_of(tmp_path)).run()
    assert results["summary"]["successful_prompts"] == PROMPTS
    assert results["summary"]["backend"] == "own"
    for i, prompt in enumerate(results["per_prompt_results"]):
        assert prompt["text"] == f"QUESTION {i}?"
        assert prompt["completion_tokens"] == 5
        assert 0.05 <= prompt["latency_s"] < 0.5
        assert prompt["ttft_s"] is None
    shares = sum(p["energy_wh"] for p in results["per_prompt_results"])
    unattributed = results["derived"]["unattributed"]["value"] / 3600
    assert shares + unattributed == pytest.approx(results["summary"]["total_energy_wh"], rel=1e-6)
    assert shares > 0


def test_arguments_come_from_the_scenario(tmp_path: Path) -> None:
    seen = []

    class Recording(OwnBackend):
        def answer(self, prompt: str, reasoning: Any, arguments: dict[str, Any]) -> Any:
            seen.append((reasoning, arguments, self.options))
            return prompt

    BACKEND_REGISTRY["own"] = Recording
    config = config_of(tmp_path, options={"quant": "int4"})
    config.scenario.generate_kwargs = {"max_new_tokens": 9, "temperature": 0.5}
    config.scenario.reasoning_params = {"enable_thinking": True}
    results = BenchmarkRunner(config).run()
    assert results["summary"]["successful_prompts"] == PROMPTS
    expected = {"max_new_tokens": 9, "temperature": 0.5}
    assert seen == [({"enable_thinking": True}, expected, {"quant": "int4"})] * PROMPTS


def test_a_streamed_answer_has_token_latencies(tmp_path: Path) -> None:
    class Streaming(OwnBackend):
        def answer(self, prompt: str, reasoning: Any, arguments: dict[str, Any]) -> Any:
            time.sleep(0.05)
            for piece in ("a", "b", "c"):
                yield piece
                time.sleep(0.02)

    BACKEND_REGISTRY["own"] = Streaming
    results = BenchmarkRunner(config_of(tmp_path)).run()
    for prompt in results["per_prompt_results"]:
        assert prompt["text"] == "abc"
        assert prompt["completion_tokens"] == 3
        assert 0.05 <= prompt["ttft_s"] < 0.1
        assert prompt["latency_s"] >= 0.11 - 0.02
    assert results["summary"]["itl_s"]["mean"] == pytest.approx(0.02, rel=0.5)


def test_an_exception_fails_its_prompt_only(tmp_path: Path) -> None:
    class Failing(OwnBackend):
        def answer(self, prompt: str, reasoning: Any, arguments: dict[str, Any]) -> Any:
            if "1" in prompt:
                raise MemoryError("no room")
            return {"success": "2" not in prompt, "error": "declined" if "2" in prompt else None}

    BACKEND_REGISTRY["own"] = Failing
    results = BenchmarkRunner(config_of(tmp_path)).run()
    errors = [p["error"] for p in results["per_prompt_results"]]
    assert errors == [None, "MemoryError: no room", "declined", None]
    assert results.exit_code == 1


def test_what_validation_and_loading_raise_reaches_the_caller(tmp_path: Path) -> None:
    class Unloadable(OwnBackend):
        def load_model(self) -> None:
            raise LookupError("no weights")

    class Invalid(OwnBackend):
        def validate_environment(self) -> bool:
            return False

    BACKEND_REGISTRY.update(unloadable=Unloadable, invalid=Invalid)
    with pytest.raises(LookupError, match="no weights"):
        BenchmarkRunner(config_of(tmp_path, "unloadable")).run()
    with pytest.raises(SetupError, match="Backend validation failed: Invalid"):
        BenchmarkRunner(config_of(tmp_path, "invalid")).run()


def test_a_failing_cleanup_does_not_cost_the_results(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Untidy(OwnBackend):
        def cleanup(self) -> None:
            raise OSError("still busy")

    BACKEND_REGISTRY["own"] = Untidy
    config = config_of(tmp_path)
    config.scenario.input_shapes.batch_size = 4
    results = BenchmarkRunner(config).run()
    assert results["summary"]["successful_prompts"] == PROMPTS
    assert "Untidy.cleanup() failed: still busy" in caplog.text
    assert "one after the other" in caplog.text


def test_a_second_ctrl_c_ends_a_request_under_way(tmp_path: Path) -> None:
    class Endless(OwnBackend):
        def answer(self, prompt: str, reasoning: Any, arguments: dict[str, Any]) -> Any:
            while "1" in prompt:
                time.sleep(0.01)
            return "done"

    def press(progress: dict[str, Any]) -> None:
        if progress["phase"] == "measuring" and progress["prompts_done"] == 1:
            os.kill(os.getpid(), signal.SIGINT)

    BACKEND_REGISTRY["own"] = Endless
    with pytest.raises(BenchmarkInterrupted) as caught:
        BenchmarkRunner(config_of(tmp_path), progress=press).run()
    statuses = [p["status"] for p in caught.value.results["per_prompt_results"]]
    assert statuses[:2] == ["ok", "cancelled"]


def test_a_derived_core_backend_runs_as_python(tmp_path: Path) -> None:
    from ai_energy_benchmarks.backends.vllm import VLLMBackend

    class Canned(VLLMBackend):
        def validate_environment(self) -> bool:
            return True

        def load_model(self) -> None:
            return None

        def run_inference(self, prompt: str, *_: Any, **__: Any) -> dict[str, Any]:
            return {"text": "canned"}

    BACKEND_REGISTRY["vllm"] = Canned
    results = BenchmarkRunner(config_of(tmp_path, "vllm")).run()
    assert results["per_prompt_results"][0]["text"] == "canned"


def test_a_failing_collector_costs_only_its_values(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        def start(self) -> None:
            raise OSError("no such counter")

    BACKEND_REGISTRY["own"] = OwnBackend
    METRICS_REGISTRY["broken"] = Broken
    config = config_of(tmp_path)
    config.metrics.type = "broken"
    results = BenchmarkRunner(config).run()
    assert "no such counter" in results["collected"]["broken"]["error"]
    assert "no such counter" in caplog.text
    assert results["summary"]["successful_prompts"] == PROMPTS


def test_a_failing_reporter_is_named_with_what_is_kept(tmp_path: Path) -> None:
    class Broken:
        def __init__(self, output_file: str) -> None:
            pass

        def report(self, results: Any) -> None:
            raise KeyError("no such column")

    BACKEND_REGISTRY["own"] = OwnBackend
    REPORTER_REGISTRY["broken"] = Broken
    config = config_of(tmp_path)
    config.reporter.type = "broken"
    with pytest.raises(BenchmarkError, match="reporter 'broken' failed: KeyError") as caught:
        BenchmarkRunner(config).run()
    (trace,) = Path("benchmark_output/runs").glob("*.db")
    assert str(trace) in str(caught.value)
    assert isinstance(caught.value.__cause__, KeyError)


def test_a_token_count_that_cannot_be_is_unknown(tmp_path: Path) -> None:
    class Miscounting(OwnBackend):
        def answer(self, prompt: str, reasoning: Any, arguments: dict[str, Any]) -> Any:
            return {"text": "a", "prompt_tokens": 2, "completion_tokens": -5}

    BACKEND_REGISTRY["own"] = Miscounting
    results = BenchmarkRunner(config_of(tmp_path)).run()
    assert results["per_prompt_results"][0]["completion_tokens"] is None


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)


def test_every_example_of_the_document_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for text in blocks("yaml") + blocks("python"):
        first = text.partition("\n")[0]
        if first.startswith("# "):
            (tmp_path / first[2:]).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    scripts = [text for text in blocks("python") if not text.startswith("# ")]
    try:
        for text in scripts:
            exec(compile(text, "extending.md", "exec"), {"__name__": "example"})
        shown = capsys.readouterr().out
        assert "/think" in shown and "total" in shown and shown.startswith("3 ")
        with Path("results/echo.csv").open(newline="") as file:
            assert next(csv.DictReader(file))["backend"] == "echo"
        run_with_fragments(tmp_path)
    finally:
        for module in ("my_backend", "my_collector", "my_reporter"):
            sys.modules.pop(module, None)


def run_with_fragments(folder: Path) -> None:
    """The collector's and the reporter's fragments, joined with the backend's configuration."""
    __import__("my_collector")
    __import__("my_reporter")
    values = yaml.safe_load((folder / "echo.yaml").read_text())
    values["metrics"].update(yaml.safe_load((folder / "with_network.yaml").read_text())["metrics"])
    values.update(yaml.safe_load((folder / "with_headline.yaml").read_text()))
    (folder / "all.yaml").write_text(yaml.safe_dump(values))
    results = BenchmarkRunner(ConfigParser.load_config("all.yaml")).run()
    assert results["collected"]["network"]["interface"] == "lo"
    assert results["summary"]["network_bytes_transferred"] >= 0
    headline = json.loads(Path("results/headline.json").read_text())
    assert headline["successful_prompts"] == 3
    assert headline["interface"] == "lo"
