"""Measurement protocols and interleaved comparisons with the real binary and a fake server."""

from __future__ import annotations

import csv
import json
import signal
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_harness import aieb, assert_fails, fake_server, start_aieb

PROMPTS = 4


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with fake_server("--ttft-ms", "4", "--itl-ms", "1") as endpoint:
        (tmp_path / "prompts.jsonl").write_text(
            "".join(json.dumps({"text": f"Question {i}?"}) + "\n" for i in range(PROMPTS))
        )
        (tmp_path / "config.yaml").write_text(
            f"""\
name: protocol_test
backend: {{type: vllm, endpoint: "{endpoint}", model: fake-model}}
scenario:
  dataset_name: prompts.jsonl
  num_samples: {PROMPTS}
  generate_kwargs: {{max_new_tokens: 8}}
metrics: {{idle_s: 0.2, country_iso_code: FRA}}
reporter: {{type: csv, output_file: results/r.csv}}
"""
        )
        yield tmp_path


def run(folder: Path, *words: str) -> dict:
    result = aieb(folder, "run", "config.yaml", "-q", "--json", "r.json", *words)
    assert result.returncode == 0, result.stderr
    return json.loads((folder / "r.json").read_text())


def test_repeats_have_rows_and_the_means_have_intervals(folder: Path) -> None:
    results = run(folder, "metrics.protocol={repeats: 3, pause_s: 0.05}")
    assert [r["repeat"] for r in results["repeats"]] == [0, 1, 2]
    assert results["summary"]["repeats"] == 3
    assert results["summary"]["total_prompts"] == 3 * PROMPTS
    intervals = {i["key"]: i for i in results["intervals"]}
    rates = [r["output_tokens_per_s"] for r in results["repeats"]]
    speed = intervals["output_tokens_per_s"]
    assert speed["method"] == "repeats"
    assert speed["mean"] == pytest.approx(sum(rates) / 3)
    assert speed["half_width"] == pytest.approx(4.3027 * speed["std"] / 3**0.5, rel=1e-3)
    rows = list(csv.DictReader((folder / "results" / "r.csv").open()))
    assert rows[0]["repeats"] == "3"
    assert float(rows[0]["output_tokens_per_s_ci95"]) == pytest.approx(speed["half_width"])


def test_repeats_ask_the_same_prompts_under_salts_and_ids_of_their_own(folder: Path) -> None:
    results = run(folder, "metrics.protocol={repeats: 2}")
    prompts = results["per_prompt_results"]
    assert sorted(p["index"] for p in prompts) == sorted([*range(PROMPTS)] * 2)
    assert sorted(p["repeat"] for p in prompts) == [0] * PROMPTS + [1] * PROMPTS
    with sqlite3.connect(folder / results["files"]["trace"]) as trace:
        ids = [row[0] for row in trace.execute("SELECT id FROM request")]
        kinds = [row[0] for row in trace.execute("SELECT kind FROM event")]
    assert len(ids) == len(set(ids))
    assert kinds.count("repeat") == 2


def test_a_named_protocol_extends_the_window_and_says_what_was_changed(folder: Path) -> None:
    results = run(folder, "metrics.protocol=quick", "metrics.protocol.min_window_s=0.6")
    assert results["protocol"]["name"] == "quick"
    assert results["protocol"]["fields"]["changed"] == ["min_window_s"]
    assert results["summary"]["measured_s"] >= 0.6
    assert results["summary"]["total_prompts"] > PROMPTS


def test_a_short_window_is_refused_with_the_results_kept(folder: Path) -> None:
    result = aieb(
        folder, "run", "config.yaml", "metrics.protocol={min_window_s: 60, short_window: refuse}"
    )
    assert result.returncode == 2
    assert "refuses windows below 60 s" in result.stderr
    assert list((folder / "benchmark_output" / "runs").glob("*.db"))


def test_reports_show_repeats_and_intervals(folder: Path) -> None:
    run(folder, "metrics.protocol={repeats: 2}")
    text = aieb(folder, "report", "latest").stdout
    assert "repeats" in text
    assert "of the mean, from 2 repeats" in text
    markdown = aieb(folder, "report", "latest", "--format", "markdown").stdout
    assert "## Repeats" in markdown
    assert "## 95 % intervals" in markdown


def test_a_results_document_keeps_its_repeats(folder: Path) -> None:
    before = run(folder, "metrics.protocol={repeats: 2}")
    again = aieb(folder, "report", "r.json", "--format", "json")
    after = json.loads(again.stdout)
    assert after["repeats"] == before["repeats"]
    assert after["intervals"] == before["intervals"]


def test_two_repeated_runs_have_a_verdict_on_throughput(folder: Path) -> None:
    run(folder, "metrics.protocol={repeats: 4}", "name=fast_one")
    run(
        folder,
        "metrics.protocol={repeats: 4}",
        "name=slow_one",
        "scenario.generate_kwargs.max_new_tokens=40",
    )
    result = aieb(folder, "compare", "fast_one", "slow_one", "--json", "--force")
    metrics = {m["key"]: m for m in json.loads(result.stdout)["metrics"]}
    assert metrics["output_tokens_per_s"]["verdict"] != "unknown"
    assert metrics["e2e_s"]["verdict"] == "larger than its uncertainty"


def test_a_single_run_of_many_requests_has_intervals_from_batches(folder: Path) -> None:
    results = run(folder, "scenario.load.mode=closed", "scenario.load.request_count=60")
    methods = {i["key"]: i["method"] for i in results["intervals"]}
    assert set(methods.values()) <= {"batch_means"}


def test_configurations_are_measured_in_turn_and_compared_in_pairs(folder: Path) -> None:
    # Far slower, so that three pairs show it on a busy machine, too.
    slow = (folder / "config.yaml").read_text().replace("max_new_tokens: 8", "max_new_tokens: 200")
    (folder / "slow.yaml").write_text(slow.replace("protocol_test", "slow_test"))
    result = aieb(
        folder, "compare", "--run", "config.yaml", "slow.yaml", "--repeats", "3", "--pause", "0",
        "--json", "-q",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    comparison = json.loads(result.stdout)
    assert comparison["pairs"] == 3
    assert comparison["order"] == ["A B", "B A", "A B"]
    metrics = {m["key"]: m for m in comparison["metrics"]}
    assert metrics["e2e_s"]["verdict"] == "larger than its uncertainty"
    names = ["slow" if "slow_test" in t.name else "fast" for t in traces(folder)]
    assert sorted(names) == ["fast"] * 3 + ["slow"] * 3


def test_an_interleaved_comparison_needs_two_files_and_two_pairs(folder: Path) -> None:
    assert_fails(aieb(folder, "compare", "--run", "config.yaml"), 2)
    one_pair = aieb(folder, "compare", "--run", "config.yaml", "config.yaml", "--repeats", "1")
    assert_fails(one_pair, 2, "at least 2")


def traces(folder: Path) -> list[Path]:
    return list((folder / "benchmark_output" / "runs").glob("*.db"))


def test_an_interleaved_comparison_measures_nothing_when_one_side_cannot_run(folder: Path) -> None:
    wrong = (folder / "config.yaml").read_text().replace("fake-model", "other/model")
    (folder / "wrong.yaml").write_text(wrong)
    result = aieb(folder, "compare", "--run", "config.yaml", "wrong.yaml", "-q")
    assert_fails(result, 5, "nothing was measured: B", "other/model")
    assert not traces(folder)


def test_an_interleaved_comparison_measures_nothing_for_a_page_without_a_place(
    folder: Path,
) -> None:
    page = "prompts.jsonl/page.html"
    result = aieb(folder, "compare", "--run", "config.yaml", "config.yaml", "--html", page)
    assert_fails(result, 3, page)
    assert not traces(folder)


def test_an_interleaved_comparison_that_is_stopped_before_two_pairs_is_code_130(
    folder: Path,
) -> None:
    process = start_aieb(folder, "compare", "--run", "config.yaml", "config.yaml")
    while not traces(folder):
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 130, errors
    assert "stopped before two pairs were measured" in errors


def test_a_comparison_is_shown_even_though_its_page_cannot_be_written(folder: Path) -> None:
    run(folder)
    result = aieb(folder, "compare", "latest", "latest", "--html", "/dev/full")
    assert result.returncode == 3, result.stderr
    assert "time to first token, mean" in result.stdout


def test_two_servers_that_differ_by_their_endpoint_are_compared_with_a_note(folder: Path) -> None:
    run(folder, "name=first_server")
    with fake_server("--ttft-ms", "4", "--itl-ms", "1") as other:
        run(folder, "name=second_server", f"backend.endpoint={other}")
    names = ("first_server", "second_server")
    result = aieb(folder, "compare", *names, "--html", "page.html")
    assert result.returncode == 0, result.stderr
    assert "warning: other endpoint: " in result.stdout
    assert "other endpoint: " in (folder / "page.html").read_text()
    document = json.loads(aieb(folder, "compare", *names, "--json").stdout)
    assert document["not_comparable"] == []
    assert other in document["notes"][0]


def test_a_comparison_names_no_sensors_where_nothing_was_measured(folder: Path) -> None:
    run(folder, "metrics.enabled=false")
    assert "sensors" not in aieb(folder, "compare", "latest", "latest").stdout
    document = json.loads(aieb(folder, "compare", "latest", "latest", "--json").stdout)
    assert document["same_sensors"] is None
    assert {m["source"] for m in document["metrics"] if m["key"].startswith("energy")} == {
        "unknown"
    }
