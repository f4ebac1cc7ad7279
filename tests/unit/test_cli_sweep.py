"""`aieb sweep`: grids and the search for the highest load, with the real binary and made-up servers."""

from __future__ import annotations

import csv
import json
import signal
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest
from cli_harness import aieb, assert_fails, fake_server, start_aieb

FAST = ("--ttft-ms", "5", "--itl-ms", "1")
CONCURRENCY = "scenario.load.concurrency"


def write_config(folder: Path, endpoint: str, **scenario: Any) -> None:
    (folder / "prompts.jsonl").write_text(
        "".join(json.dumps({"text": f"Question {i}?"}) + "\n" for i in range(8))
    )
    config = {
        "name": "swept",
        "backend": {"type": "vllm", "endpoint": endpoint, "model": "fake-model"},
        "scenario": {
            "dataset_name": "prompts.jsonl",
            "num_samples": 8,
            "generate_kwargs": {"max_new_tokens": 4},
            "load": {"mode": "closed"},
        }
        | scenario,
        "metrics": {"idle_s": 0, "warmup_prompts": 0, "country_iso_code": "FRA"},
    }
    (folder / "config.json").write_text(json.dumps(config))


def sweep(folder: Path, *words: str, code: int = 0) -> dict[str, Any]:
    result = aieb(folder, "sweep", "config.json", "--json", "-", "--quiet", *words)
    assert result.returncode == code, result.stderr
    out: dict[str, Any] = json.loads(result.stdout)
    return out


def runs(folder: Path) -> list[Path]:
    return sorted((folder / "benchmark_output" / "runs").glob("*.db"))


def manifest_of(folder: Path) -> dict[str, Any]:
    (path,) = (folder / "benchmark_output" / "sweeps").glob("*/manifest.json")
    out: dict[str, Any] = json.loads(path.read_text())
    return out


def test_a_grid_runs_every_combination_and_writes_every_format(tmp_path: Path) -> None:
    grid = (f"{CONCURRENCY}=1,4", "scenario.seed=1,2")
    with fake_server(*FAST) as endpoint:
        write_config(tmp_path, endpoint)
        result = aieb(
            tmp_path, "sweep", "config.json", *grid,
            "--json", "s.json", "--csv", "s.csv", "--html", "s.html",
        )  # fmt: skip
    assert result.returncode == 0, result.stderr
    for label in ("concurrency=1 seed=1", "concurrency=4 seed=2"):
        assert label in result.stdout
    document = json.loads((tmp_path / "s.json").read_text())
    points = document["points"]
    assert [tuple(p["settings"].values()) for p in points] == [
        ("1", "1"), ("1", "2"), ("4", "1"), ("4", "2"),
    ]  # fmt: skip
    assert [p["metrics"]["requests"] for p in points] == [8] * 4
    rates = [p["metrics"]["requests_per_s"] for p in points]
    assert min(rates[2:]) > max(rates[:2])
    assert len(runs(tmp_path)) == 4
    (folder,) = (tmp_path / "benchmark_output" / "sweeps").iterdir()
    for point in points:
        with sqlite3.connect(folder / point["trace"]) as trace:
            row = trace.execute("select value from meta where key='config'").fetchone()
        config = json.loads(row[0])
        assert str(config["scenario"]["load"]["concurrency"]) == point["settings"][CONCURRENCY]
        assert str(config["scenario"]["seed"]) == point["settings"]["scenario.seed"]
    with (tmp_path / "s.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(r["requests_per_s"]) for r in rows] == pytest.approx(rates)
    assert [r[CONCURRENCY] for r in rows] == ["1", "1", "4", "4"]
    page = (tmp_path / "s.html").read_text()
    assert "concurrency=4 seed=2" in page
    assert "than what is compared: load" not in page


def test_a_dry_run_lists_the_points_and_runs_nothing(tmp_path: Path) -> None:
    write_config(tmp_path, "http://127.0.0.1:9/v1")
    result = aieb(tmp_path, "sweep", "config.json", f"{CONCURRENCY}=1,2,4", "--dry-run")
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[1:] == ["concurrency=1", "concurrency=2", "concurrency=4"]
    assert not (tmp_path / "benchmark_output").exists()


def test_a_failed_point_is_kept_with_its_reason_and_does_not_stop_the_others(
    tmp_path: Path,
) -> None:
    with fake_server(*FAST) as endpoint:
        write_config(tmp_path, endpoint)
        document = sweep(tmp_path, "backend.model=nope,fake-model", code=1)
        wrong, right = document["points"]
        assert wrong["state"] == "failed"
        assert "nope" in wrong["reason"]
        assert wrong["metrics"]["requests_per_s"] is None
        assert right["state"] == "measured"
        assert right["metrics"]["failed_requests"] == 0
        # The same command tries only the failed point again.
        document = sweep(tmp_path, "backend.model=nope,fake-model", code=1)
    assert {p["settings"]["backend.model"]: p["state"] for p in document["points"]} == {
        "nope": "failed",
        "fake-model": "measured",
    }
    kept = [p for p in document["points"] if p["state"] == "measured"]
    assert kept[0]["run_id"] == right["run_id"]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_an_interrupted_sweep_goes_on_where_it_was(tmp_path: Path, how: signal.Signals) -> None:
    with fake_server("--ttft-ms", "100", "--itl-ms", "1") as endpoint:
        write_config(tmp_path, endpoint)
        words = ("sweep", "config.json", f"{CONCURRENCY}=8,4,1", "--quiet")
        process = start_aieb(tmp_path, *words)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and len(runs(tmp_path)) < 3:
            time.sleep(0.02)
        process.send_signal(how)
        process.communicate(timeout=30)
        assert process.returncode == (130 if how == signal.SIGINT else -signal.SIGKILL)
        before = manifest_of(tmp_path)["points"]
        assert [p["settings"][CONCURRENCY] for p in before] == ["8", "4"]
        document = sweep(tmp_path, f"{CONCURRENCY}=8,4,1")
    assert [p["state"] for p in document["points"]] == ["measured"] * 3
    assert [p["trace"] for p in document["points"][:2]] == [p["trace"] for p in before]
    assert len(runs(tmp_path)) == 4  # the interrupted point has two traces


def test_another_grid_is_another_sweep_and_fresh_begins_anew(tmp_path: Path) -> None:
    with fake_server(*FAST) as endpoint:
        write_config(tmp_path, endpoint)
        first = sweep(tmp_path, f"{CONCURRENCY}=1,2", "--name", "mine")
        again = sweep(tmp_path, f"{CONCURRENCY}=1,2", "--name", "mine")
        assert again == first
        assert_fails(
            aieb(tmp_path, "sweep", "config.json", f"{CONCURRENCY}=1,4", "--name", "mine"),
            2, "another sweep", "--name",
        )  # fmt: skip
        fresh = sweep(tmp_path, f"{CONCURRENCY}=1,2", "--name", "mine", "--fresh")
    assert fresh["points"][0]["run_id"] != first["points"][0]["run_id"]


def test_the_search_finds_how_many_requests_a_server_takes_at_once(tmp_path: Path) -> None:
    """Six are answered at a time. A seventh waits for an answer's 470 ms before its first token."""
    slow = ("--ttft-ms", "20", "--itl-ms", "150", "--slots", "6")
    with fake_server(*slow) as endpoint:
        write_config(
            tmp_path, endpoint, load={"mode": "closed", "request_count": 28}, slo={"ttft_ms": 300}
        )
        document = sweep(tmp_path, "--search", f"{CONCURRENCY}=4..16", "--target", "0.9")
    probed = [(int(p["settings"][CONCURRENCY]), p["met_target"]) for p in document["points"]]
    assert probed[:2] == [(4, True), (8, False)]
    assert probed.count((6, True)) == 2
    assert (7, False) in probed
    assert (
        "scenario.load.concurrency = 6 meets, measured twice, and 7 does not"
        in (document["conclusion"])
    )
    assert len(runs(tmp_path)) == len(probed)


def test_a_search_that_cannot_begin_says_what_to_add(tmp_path: Path) -> None:
    write_config(tmp_path, "http://127.0.0.1:9/v1")
    search = ("sweep", "config.json", "--search")
    assert_fails(aieb(tmp_path, *search, f"{CONCURRENCY}=1..8"), 2, "scenario.slo.ttft_ms")
    assert_fails(
        aieb(tmp_path, *search, "scenario.load.request_rate=1..8", "scenario.slo.ttft_ms=9"),
        2, "scenario.load.mode=poisson",
    )  # fmt: skip
    assert_fails(aieb(tmp_path, *search, "scenario.seed=1..8"), 2, "scenario.load.concurrency")
    assert_fails(aieb(tmp_path, "sweep", "config.json"), 2, "nothing is swept")
    assert_fails(
        aieb(tmp_path, "sweep", "config.json", "scenario.num_samples=4,none"), 2, "num_samples"
    )


def test_a_server_that_is_not_there_ends_a_search_as_failed_not_as_missed(tmp_path: Path) -> None:
    write_config(tmp_path, "http://127.0.0.1:9/v1", slo={"ttft_ms": 100})
    document = sweep(tmp_path, "--search", f"{CONCURRENCY}=1..8", code=1)
    assert [p["state"] for p in document["points"]] == ["failed"]
    assert document["conclusion"] == "The search is not over."
