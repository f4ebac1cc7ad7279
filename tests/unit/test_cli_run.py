"""Whole runs of the real binary against a server that speaks vLLM's dialect."""

from __future__ import annotations

import csv
import json
import os
import pty
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from cli_harness import (
    BINARY,
    aieb,
    assert_fails,
    environment,
    fake_server,
    silent_server,
    start_aieb,
)

PROMPTS = 6

REFERENCE_COLUMNS = [
    "timestamp", "name", "backend", "model", "total_prompts", "successful_prompts",
    "failed_prompts", "energy_wh", "emissions_g_co2eq", "avg_latency_s",
    "throughput_prompts_per_sec",
]  # fmt: skip


def write_config(folder: Path, endpoint: str, extra: str = "") -> None:
    (folder / "prompts.jsonl").write_text(
        "".join(json.dumps({"text": f"Question {i}?"}) + "\n" for i in range(PROMPTS))
    )
    (folder / "config.yaml").write_text(
        f"""\
name: cli_test
backend: {{type: vllm, endpoint: "{endpoint}", model: fake-model}}
scenario:
  dataset_name: prompts.jsonl
  num_samples: {PROMPTS}
  generate_kwargs: {{max_new_tokens: 8}}
metrics: {{idle_s: 0.3, country_iso_code: FRA}}
reporter: {{type: csv, output_file: results/r.csv}}
{extra}"""
    )


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder with a configuration for a server that answers everything."""
    with fake_server("--ttft-ms", "5", "--itl-ms", "1") as endpoint:
        write_config(tmp_path, endpoint)
        yield tmp_path


def test_a_run_answers_everything_and_writes_every_documented_file(folder: Path) -> None:
    result = aieb(folder, "run", "config.yaml", "--json", "out/results.json")
    assert result.returncode == 0, result.stderr
    for path in (
        "results/r.csv",
        "emissions/emissions.csv",
        "benchmark_output/benchmark.log",
        "benchmark_output/debug_info.json",
        "out/results.json",
    ):
        assert (folder / path).is_file(), path
        assert path in result.stdout, "the table lists every file"
    assert len(list((folder / "emissions").glob("emissions_*.csv"))) == 1
    assert len(list((folder / "benchmark_output" / "runs").glob("*.db"))) == 1
    assert f"{PROMPTS} ok, 0 failed" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 100 or "/" in result.stdout


def test_the_csv_has_the_columns_of_the_reference_and_a_row_a_run(folder: Path) -> None:
    for _ in range(2):
        assert aieb(folder, "run", "config.yaml", "-q").returncode == 0
    with (folder / "results" / "r.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2
    assert list(rows[0])[: len(REFERENCE_COLUMNS)] == REFERENCE_COLUMNS
    assert rows[0]["backend"] == "vllm"
    assert rows[0]["model"] == "fake-model"
    assert int(rows[0]["successful_prompts"]) == PROMPTS
    assert float(rows[0]["avg_latency_s"]) > 0
    assert len(pd.read_csv(folder / "emissions" / "emissions.csv")) == 2


def test_json_on_stdout_is_a_document_and_nothing_else(folder: Path) -> None:
    result = aieb(folder, "run", "config.yaml", "--json", "-")
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["schema_version"] == 1
    assert document["summary"]["successful_prompts"] == PROMPTS
    assert len(document["per_prompt_results"]) == PROMPTS
    assert document["config"]["name"] == "cli_test"
    assert "6 ok, 0 failed" in result.stderr, "the table goes where it does no harm"


def test_unknown_energy_is_null_in_json_and_empty_in_csv(folder: Path) -> None:
    result = aieb(folder, "run", "config.yaml", "metrics.enabled=false", "--json", "-")
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["summary"]["total_energy_wh"] is None
    assert document["energy"]["gpu"]["reason"] == "disabled"
    row = pd.read_csv(folder / "results" / "r.csv").iloc[0]
    assert pd.isna(row["energy_wh"])
    assert not (folder / "emissions").exists()


def test_quiet_prints_nothing(folder: Path) -> None:
    result = aieb(folder, "run", "config.yaml", "--quiet")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_progress_is_plain_lines_without_a_terminal(folder: Path) -> None:
    result = aieb(folder, "run", "config.yaml")
    assert "measuring" in result.stderr
    assert "\x1b" not in result.stderr
    assert "\r" not in result.stderr


def on_a_terminal(folder: Path, *words: str, **variables: str) -> str:
    """What a terminal receives from a run whose streams all belong to it."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [str(BINARY), *words],
        cwd=folder,
        env=environment(TERM="xterm", **variables),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    received = b""
    try:
        while chunk := os.read(ours, 65536):
            received += chunk
    except OSError:  # Linux's end of file on a terminal
        pass
    os.close(ours)
    assert process.wait(timeout=20) == 0, received.decode()
    return received.decode()


def test_progress_is_one_live_line_on_a_terminal(folder: Path) -> None:
    text = on_a_terminal(folder, "run", "config.yaml")
    assert "\r\x1b[Kmeasuring" in text
    assert "░" in text
    assert "\x1b[32m6 ok, 0 failed" in text


def test_no_color_is_honoured_on_a_terminal(folder: Path) -> None:
    text = on_a_terminal(folder, "run", "config.yaml", NO_COLOR="1")
    assert "\x1b[3" not in text
    assert "6 ok, 0 failed" in text


def test_the_log_names_the_run(folder: Path) -> None:
    aieb(folder, "run", "config.yaml", "-q")
    (trace,) = (folder / "benchmark_output" / "runs").glob("*.db")
    assert trace.stem in (folder / "benchmark_output" / "benchmark.log").read_text()
    info = json.loads((folder / "benchmark_output" / "debug_info.json").read_text())
    assert info["run_id"] == trace.stem


def test_failed_prompts_are_code_1_and_the_others_are_reported(tmp_path: Path) -> None:
    with fake_server("--script", "ok,ok,400,ok") as endpoint:
        write_config(tmp_path, endpoint, "")
        result = aieb(tmp_path, "run", "config.yaml", "--json", "r.json")
    assert result.returncode == 1, result.stderr
    document = json.loads((tmp_path / "r.json").read_text())
    assert document["summary"]["failed_prompts"] == 1
    assert document["summary"]["successful_prompts"] == PROMPTS - 1
    (failed,) = [p for p in document["per_prompt_results"] if not p["success"]]
    assert failed["error"]
    assert failed["text"] == ""


def test_a_model_that_the_server_does_not_have_is_code_5(folder: Path) -> None:
    result = aieb(folder, "run", "config.yaml", "backend.model=other/model")
    assert_fails(result, 5, "other/model", "fake-model")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_keeps_what_was_finished(tmp_path: Path, how: signal.Signals) -> None:
    with fake_server("--ttft-ms", "300") as endpoint:
        write_config(tmp_path, endpoint)
        process = start_aieb(tmp_path, "run", "config.yaml", "--json", "r.json")
        assert process.stderr is not None
        for line in process.stderr:  # the progress says when it measures
            if line.startswith("measuring"):
                break
        time.sleep(0.8)
        process.send_signal(how)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 130, errors
    assert "what was measured is kept" in errors
    summary = json.loads((tmp_path / "r.json").read_text())["summary"]
    assert 1 <= summary["successful_prompts"] < PROMPTS
    assert (tmp_path / "results" / "r.csv").is_file()


def interrupt_after_a_second(process: subprocess.Popen[str]) -> str:
    """What it says on stderr; it must end soon."""
    time.sleep(1)
    assert process.poll() is None, process.communicate()[1]
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=5)
    return errors


def test_ctrl_c_ends_the_check_of_a_server_that_does_not_answer(tmp_path: Path) -> None:
    with silent_server() as address:
        write_config(tmp_path, f"http://{address}/v1")
        process = start_aieb(tmp_path, "run", "config.yaml")
        errors = interrupt_after_a_second(process)
    assert process.returncode == 130, errors
    assert "stopped before anything was measured" in errors


def test_a_run_without_an_answer_leaves_the_reports_of_an_earlier_one(tmp_path: Path) -> None:
    with fake_server() as endpoint:
        write_config(tmp_path, endpoint)
        assert aieb(tmp_path, "run", "config.yaml", "--json", "r.json").returncode == 0
        before = (tmp_path / "r.json").read_text(), (tmp_path / "results" / "r.csv").read_text()
        process = start_aieb(tmp_path, "run", "config.yaml", "--json", "r.json", "metrics.idle_s=9")
        errors = interrupt_after_a_second(process)
    assert process.returncode == 130, errors
    assert "stopped before anything was measured" in errors
    after = (tmp_path / "r.json").read_text(), (tmp_path / "results" / "r.csv").read_text()
    assert after == before


def test_ctrl_c_ends_a_tokenizer_that_does_not_answer(tmp_path: Path) -> None:
    with silent_server() as address:
        write_config(tmp_path, f"http://{address}/v1")
        process = start_aieb(
            tmp_path,
            "run",
            "config.yaml",
            "scenario.dataset_name=null",
            "scenario.synthetic.input_tokens.mean=20",
        )
        errors = interrupt_after_a_second(process)
    assert process.returncode == 130, errors


def test_ctrl_c_ends_a_download_that_makes_no_progress(tmp_path: Path) -> None:
    with silent_server() as address:
        process = start_aieb(
            tmp_path,
            "run",
            "backend.type=pytorch",
            "backend.model=org/somewhere",
            "scenario.dataset_name=org/questions",
            HF_ENDPOINT=f"http://{address}",
            HF_HOME=str(tmp_path / "hf"),
        )
        errors = interrupt_after_a_second(process)
    assert process.returncode == 130, errors
    assert "stopped before anything was measured" in errors


def test_a_report_that_cannot_be_written_is_code_3_and_costs_nothing_else(folder: Path) -> None:
    result = aieb(folder, "run", "config.yaml", "--json", "/dev/full")
    assert result.returncode == 3
    assert "No space left on device" in result.stderr
    assert f"{PROMPTS} ok, 0 failed" in result.stdout
    assert (folder / "results" / "r.csv").is_file()


def test_an_own_trace_is_written_where_it_was_asked_for(folder: Path) -> None:
    assert aieb(folder, "run", "config.yaml", "-q", "--trace", "mine/t.db").returncode == 0
    assert (folder / "mine" / "t.db").is_file()
    assert not (folder / "benchmark_output" / "runs").exists()


def test_recorded_runs_are_listed_shown_and_reported_again(folder: Path) -> None:
    aieb(folder, "run", "config.yaml", "-q", "--json", "r.json")
    (trace,) = (folder / "benchmark_output" / "runs").glob("*.db")
    listed = aieb(folder, "list")
    assert trace.name in listed.stdout
    assert f"{PROMPTS}/{PROMPTS}" in listed.stdout
    shown = aieb(folder, "show", "latest")
    assert shown.returncode == 0, shown.stderr
    assert "environment" in shown.stdout
    again = aieb(folder, "report", str(trace), "--format", "json")
    first, second = json.loads((folder / "r.json").read_text()), json.loads(again.stdout)
    assert first["summary"] == second["summary"], "analysing again gives the same numbers"


@pytest.mark.parametrize("name", ["terminal", "csv", "json", "jsonl", "markdown", "codecarbon"])
def test_every_format_can_be_written_from_a_trace_and_from_a_document(
    folder: Path, name: str
) -> None:
    aieb(folder, "run", "config.yaml", "-q", "--json", "r.json")
    for run in ("latest", "r.json"):
        result = aieb(folder, "report", run, "-f", name, "-o", f"{run}.{name}")
        assert result.returncode == 0, result.stderr
        assert (folder / f"{run}.{name}").stat().st_size > 0
    assert aieb(folder, "report", "latest", "-f", name).stdout


def test_a_run_compared_with_itself_shows_no_difference(folder: Path) -> None:
    aieb(folder, "run", "config.yaml", "-q")
    (trace,) = (folder / "benchmark_output" / "runs").glob("*.db")
    result = aieb(folder, "compare", str(trace), str(trace))
    assert result.returncode == 0, result.stderr
    assert "not shown" in result.stdout
    document = json.loads(aieb(folder, "compare", str(trace), str(trace), "--json").stdout)
    verdicts = {m["verdict"] for m in document["metrics"]}
    assert "larger than its uncertainty" not in verdicts
    assert "not distinguishable" in verdicts
    assert {m["key"] for m in document["metrics"]} >= {"energy_per_output_token_j", "ttft_s"}


def test_runs_that_differ_otherwise_are_compared_only_by_force(folder: Path) -> None:
    aieb(folder, "run", "config.yaml", "-q", "--trace", "a.db")
    aieb(folder, "run", "config.yaml", "-q", "--trace", "b.db", "scenario.num_samples=3")
    assert_fails(aieb(folder, "compare", "a.db", "b.db"), 2, "number of prompts", "--force")
    forced = aieb(folder, "compare", "a.db", "b.db", "--force")
    assert forced.returncode == 0
    assert "number of prompts" in forced.stdout


def test_a_results_file_with_other_columns_is_kept(folder: Path) -> None:
    (folder / "results").mkdir()
    (folder / "results" / "r.csv").write_text("old,columns\n1,2\n")
    result = aieb(folder, "run", "config.yaml")
    assert result.returncode == 0
    (backup,) = (folder / "results").glob("r.csv.bak-*")
    assert backup.read_text() == "old,columns\n1,2\n"
    assert backup.name in result.stderr
