"""Made-up exporters, and the truth to hold results against."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cli_harness import ROOT, aieb, fake_server

sys.path.insert(0, str(ROOT / "tests" / "fakes"))
from fake_exporter import energy_j

FAST = ("--ttft-ms", "5", "--itl-ms", "1")


@contextmanager
def fake_exporter(*options: str) -> Iterator[str]:
    """The address of an exporter whose GPUs draw a known square wave."""
    command = [sys.executable, str(ROOT / "tests" / "fakes" / "fake_exporter.py"), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()


def write_config(
    folder: Path, endpoint: str, sources: list[dict[str, Any]], duration_s: float, **metrics: Any
) -> None:
    (folder / "prompts.jsonl").write_text(
        "".join(json.dumps({"text": f"Question {i}?"}) + "\n" for i in range(6))
    )
    config = {
        "name": "remote",
        "backend": {"type": "vllm", "endpoint": endpoint, "model": "fake-model"},
        "scenario": {
            "dataset_name": "prompts.jsonl",
            "num_samples": 6,
            "generate_kwargs": {"max_new_tokens": 8},
            "load": {"mode": "constant", "request_rate": 10, "duration_s": duration_s},
        },
        "metrics": {
            "idle_s": 0.5,
            "warmup_prompts": 0,
            "country_iso_code": "FRA",
            "scope": "remote",
            "sources": sources,
        }
        | metrics,
    }
    (folder / "config.json").write_text(json.dumps(config))


def run(folder: Path, *words: str) -> tuple[dict[str, Any], str]:
    """The results document and the log of the run."""
    result = aieb(folder, "run", "config.json", "--json", "-", "--quiet", *words)
    assert result.returncode == 0, result.stderr
    out: dict[str, Any] = json.loads(result.stdout)
    return out, (folder / "benchmark_output" / "benchmark.log").read_text()


def measured_span(results: dict[str, Any]) -> tuple[float, float]:
    """Begin and end of the measured phase in wall time."""
    phase = next(p for p in results["protocol"]["phases"] if p["kind"] == "measure")
    begin = results["started_wall_ns"] * 1e-9 + phase["start_s"]
    return begin, begin + phase["duration_s"]


def true_energy_j(results: dict[str, Any], *gpus: int) -> float:
    return sum(energy_j(gpu, *measured_span(results)) for gpu in gpus)


def assert_within(quantity: dict[str, Any], truth_j: float, most_relative: float) -> None:
    """The interval, stated for 95 % and so taken twice as wide for one draw, holds the truth, and
    is of use. How often it does is counted in tests/cpp/analysis."""
    assert quantity["value"] is not None, quantity["reason"]
    off = abs(quantity["value"] - truth_j)
    assert off <= 2 * quantity["uncertainty"], (quantity, truth_j)
    assert quantity["uncertainty"] <= most_relative * truth_j, (quantity, truth_j)


def measure(
    folder: Path, url: str, duration_s: float = 3, **source: Any
) -> tuple[dict[str, Any], str]:
    with fake_server(*FAST) as endpoint:
        write_config(folder, endpoint, [{"type": "dcgm", "url": url} | source], duration_s)
        return run(folder)


def warnings_of(results: dict[str, Any]) -> str:
    return "\n".join(results["warnings"])
