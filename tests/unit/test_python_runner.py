"""BenchmarkRunner and run_benchmark_from_config against a server that speaks vLLM's dialect."""

from __future__ import annotations

import csv
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_harness import environment, fake_server, silent_server
from python_harness import PROMPTS, clean_environment, config_values, write_config, write_prompts

from ai_energy_benchmarks import Results
from ai_energy_benchmarks.config.parser import BenchmarkConfig, ConfigParser
from ai_energy_benchmarks.errors import BenchmarkInterrupted, ConfigError, ServerError
from ai_energy_benchmarks.runner import BenchmarkRunner, run_benchmark_from_config

pytestmark = pytest.mark.vllm

# The specification's keys.
SUMMARY_KEYS = {
    "name", "backend", "model", "total_prompts", "successful_prompts", "failed_prompts",
    "total_energy_wh", "total_emissions_g_co2eq", "avg_latency_s", "throughput_prompts_per_sec",
}  # fmt: skip


@pytest.fixture
def path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """A configuration for a server that answers everything."""
    clean_environment(monkeypatch, tmp_path)
    with fake_server("--ttft-ms", "5", "--itl-ms", "1") as endpoint:
        yield write_config(tmp_path, type="vllm", endpoint=endpoint, model="fake-model")


def test_the_result_has_every_documented_key(path: str) -> None:
    results = run_benchmark_from_config(path)
    assert isinstance(results, dict)
    assert set(results) >= {"summary", "per_prompt_results", "gpu_stats"}
    assert set(results["summary"]) >= SUMMARY_KEYS
    summary = results["summary"]
    assert (summary["name"], summary["backend"], summary["model"]) == (
        "python_test", "vllm", "fake-model",
    )  # fmt: skip
    assert summary["total_prompts"] == summary["successful_prompts"] == PROMPTS
    assert summary["failed_prompts"] == 0
    assert len(results["per_prompt_results"]) == PROMPTS
    assert 0 < summary["avg_latency_s"] < 5
    assert summary["total_energy_wh"] > 0  # the server's process is on this host
    assert results.exit_code == 0
    json.dumps(results)


def test_every_documented_file_is_written(path: str) -> None:
    results = run_benchmark_from_config(path)
    assert "phase: measuring" in Path("benchmark_output/benchmark.log").read_text()
    for file in ("results/r.csv", "emissions/emissions.csv", "benchmark_output/debug_info.json"):
        assert Path(file).is_file(), file
        assert file in json.dumps(results["files"])
    with Path("results/r.csv").open(newline="") as file:
        assert next(csv.DictReader(file))["model"] == "fake-model"


def test_overrides_reach_the_run(path: str) -> None:
    overrides = {"scenario": {"num_samples": 2}, "metrics": {"enabled": False}}
    results = run_benchmark_from_config(path, overrides=overrides)
    assert results["summary"]["total_prompts"] == 2
    assert results["summary"]["total_energy_wh"] is None
    assert results["energy"]["total"]["source"] == "disabled"


def test_a_configuration_made_of_attributes_runs(path: str) -> None:
    endpoint = ConfigParser.load_config(path).backend.endpoint
    config = BenchmarkConfig()
    config.name = "my_benchmark"
    config.backend.type = "vllm"
    config.backend.endpoint = endpoint
    config.backend.model = "fake-model"
    config.scenario.dataset_name = "quickstart"
    config.scenario.num_samples = 3
    config.metrics.enabled = False
    results = BenchmarkRunner(config).run()
    assert results["summary"]["name"] == "my_benchmark"
    assert results["summary"]["successful_prompts"] == 3


def test_progress_is_called_while_the_run_goes_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    clean_environment(monkeypatch, tmp_path)
    seen: list[dict[str, Any]] = []
    with fake_server("--itl-ms", "20") as endpoint:
        path = write_config(tmp_path, type="vllm", endpoint=endpoint, model="fake-model")
        overrides = {"scenario": {"generate_kwargs": {"max_new_tokens": 15}}}
        run_benchmark_from_config(path, overrides, progress=seen.append)
    measuring = [p for p in seen if p["phase"] == "measuring"]
    assert measuring[-1]["prompts_total"] == 4
    assert [p["tokens"] for p in measuring] == sorted(p["tokens"] for p in measuring)


def test_a_bar_shows_phase_and_speed(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tqdm")
    run_benchmark_from_config(path, {"metrics": {"idle_s": 0.5}}, progress=True)
    shown = capsys.readouterr()
    assert "idle power" in shown.err
    assert shown.out == ""


def test_other_python_threads_run_meanwhile(path: str) -> None:
    count = 0
    stop = threading.Event()

    def tick() -> None:
        nonlocal count
        while not stop.wait(0.005):
            count += 1

    thread = threading.Thread(target=tick)
    thread.start()
    begin = time.monotonic()
    run_benchmark_from_config(path, {"scenario": {"generate_kwargs": {"max_new_tokens": 150}}})
    passed = time.monotonic() - begin
    stop.set()
    thread.join()
    assert count > passed / 0.005 * 0.2, "the GIL was held"


def test_failed_prompts_are_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    clean_environment(monkeypatch, tmp_path)
    with fake_server("--script", "ok,500,ok,ok,ok") as endpoint:
        path = write_config(tmp_path, type="vllm", endpoint=endpoint, model="fake-model")
        results = run_benchmark_from_config(path)
    assert results["summary"]["failed_prompts"] == 1
    assert results.exit_code == 1
    failed = [p for p in results["per_prompt_results"] if not p["success"]]
    assert "500" in failed[0]["error"]


def test_no_server_is_a_server_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    clean_environment(monkeypatch, tmp_path)
    path = write_config(tmp_path, type="vllm", endpoint="http://127.0.0.1:9/v1")
    with pytest.raises(ServerError, match="127.0.0.1:9") as caught:
        run_benchmark_from_config(path)
    assert isinstance(caught.value, ConnectionError)
    assert caught.value.exit_code == 5


def test_unknown_names_are_errors_that_list_the_known(path: str) -> None:
    for key, name in (("backend", "tensorrt"), ("reporter", "xml")):
        config = ConfigParser.load_config(path)
        getattr(config, key).type = name
        with pytest.raises(ConfigError, match=rf"(vllm|csv).*found '{name}'|'{name}'.*(vllm|csv)"):
            BenchmarkRunner(config).run()


def test_the_core_logs_through_python(path: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        run_benchmark_from_config(path)
    assert {record.name for record in caplog.records} >= {"ai_energy_benchmarks"}
    assert any(record.filename == "(core)" for record in caplog.records)


def test_basic_config_shows_the_cores_debug_lines(path: str) -> None:
    code = (
        "import logging; logging.basicConfig(level=logging.DEBUG)\n"
        "from ai_energy_benchmarks.runner import run_benchmark_from_config\n"
        f"results = run_benchmark_from_config({path!r})"
    )
    shown = run_python(code)
    assert ":ai_energy_benchmarks:" in shown.stderr


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env=environment(PYTHONPATH=os.pathsep.join(sys.path)),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )


def test_results_become_data_frames_and_other_formats(path: str) -> None:
    results = run_benchmark_from_config(path)
    frame = results.to_dataframe()
    assert list(frame["success"]) == [True] * PROMPTS
    assert results.to_dataframe("summary")["total_prompts"][0] == PROMPTS
    assert "fake-model" in results.to_format("markdown")
    with pytest.raises(ConfigError, match="sqlite is a database"):
        results.to_format("sqlite")
    assert f"{PROMPTS} ok, 0 failed" in str(results)
    energy = results.energy["total"]
    assert energy.unit == "J"
    assert float(energy) == pytest.approx(results["summary"]["total_energy_wh"] * 3600)


def test_a_stored_trace_gives_the_same_numbers(path: str) -> None:
    results = run_benchmark_from_config(path)
    again = Results.from_trace(results["files"]["trace"])
    assert again["summary"] == results["summary"]
    assert again["per_prompt_results"] == results["per_prompt_results"]


def test_ctrl_c_ends_the_check_of_a_server_that_does_not_answer(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    clean_environment(monkeypatch, tmp_path)
    with silent_server() as address:
        values = config_values(
            tmp_path, type="vllm", endpoint=f"http://{address}/v1", model="fake-model"
        )
        press = threading.Timer(1, os.kill, (os.getpid(), signal.SIGINT))
        press.start()
        begin = time.monotonic()
        with pytest.raises(KeyboardInterrupt, match="before anything was measured"):
            BenchmarkRunner(BenchmarkConfig.from_dict(values)).run()
    assert time.monotonic() - begin < 5


def test_ctrl_c_keeps_what_was_answered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    clean_environment(monkeypatch, tmp_path)
    with fake_server("--ttft-ms", "5", "--itl-ms", "10") as endpoint:
        values = config_values(tmp_path, type="vllm", endpoint=endpoint, model="fake-model")
        values["scenario"]["dataset_name"] = write_prompts(tmp_path, 200)
        values["scenario"]["num_samples"] = 200
        config = BenchmarkConfig.from_dict(values)

        def press(progress: dict[str, Any]) -> None:
            if progress["phase"] == "measuring" and progress["prompts_done"] >= 3:
                os.kill(os.getpid(), signal.SIGINT)

        begin = time.monotonic()
        with pytest.raises(BenchmarkInterrupted) as caught:
            BenchmarkRunner(config, progress=press).run()
    assert time.monotonic() - begin < 10
    summary = caught.value.results["summary"]
    assert 3 <= summary["successful_prompts"] < 200
    assert caught.value.results.exit_code == 130
    with Path("results/r.csv").open(newline="") as file:
        assert (
            int(next(csv.DictReader(file))["successful_prompts"]) == summary["successful_prompts"]
        )
