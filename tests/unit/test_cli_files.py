"""Files that are damaged, in the way or cannot be written: the real binary says so in time."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from cli_harness import BINARY, aieb, assert_fails, environment, fake_server
from trace_maker import TraceMaker

PROMPT = "One \x1b[2Jquestion?"


@pytest.fixture
def traces(tmp_path: Path) -> Path:
    """A folder with two recorded runs, a and b."""
    runs = tmp_path / "benchmark_output" / "runs"
    runs.mkdir(parents=True)
    for name in ("a", "b"):
        TraceMaker(name).write(runs / f"{name}.db")
    return runs


def damage(trace: Path, key: str, value: str) -> None:
    with closing(sqlite3.connect(trace)) as db:
        db.execute("UPDATE meta SET value = ? WHERE key = ?", (value, key))
        db.commit()


def write_config(folder: Path, endpoint: str = "http://127.0.0.1:9/v1", **extra: object) -> None:
    (folder / "prompts.jsonl").write_text(json.dumps({"text": PROMPT}) + "\n")
    config = {
        "name": "files",
        "backend": {"type": "vllm", "endpoint": endpoint, "model": "fake-model"},
        "scenario": {
            "dataset_name": "prompts.jsonl",
            "num_samples": 1,
            "generate_kwargs": {"max_new_tokens": 2},
        },
        "metrics": {"idle_s": 0, "warmup_prompts": 0, "country_iso_code": "FRA"},
    }
    (folder / "a.json").write_text(json.dumps(config | extra))


def to_full_disk(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    with Path("/dev/full").open("w") as full:
        return subprocess.run(
            [str(BINARY), *words],
            cwd=folder,
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
            check=False,
        )


DAMAGES = [
    ("config", "{trunc", "'config' is not valid JSON"),
    ("config", '{"metrics": {"enabled": "x"}}', "wrong type"),
    ("schema_version", "one", "schema_version 'one' is no number"),
]


@pytest.mark.parametrize(("key", "value", "reason"), DAMAGES)
def test_a_damaged_trace_is_a_line_of_the_list_and_code_4_elsewhere(
    tmp_path: Path, traces: Path, key: str, value: str, reason: str
) -> None:
    damage(traces / "a.db", key, value)
    listed = aieb(tmp_path, "list")
    assert listed.returncode == 0, listed.stderr
    damaged, whole = listed.stdout.splitlines()[1:]
    assert "unreadable" in damaged and reason in damaged
    assert "57/60" in whole
    for words in (["show", "a.db"], ["report", "a.db"], ["compare", "a.db", "b.db"]):
        assert_fails(aieb(tmp_path, *words), 4, "a.db", reason)


@pytest.mark.parametrize(("key", "value", "reason"), DAMAGES)
def test_python_is_told_of_a_damaged_trace(traces: Path, key: str, value: str, reason: str) -> None:
    package = pytest.importorskip("ai_energy_benchmarks")
    errors = pytest.importorskip("ai_energy_benchmarks.errors")
    damage(traces / "a.db", key, value)
    with pytest.raises(errors.DataError, match="a.db") as raised:
        package.Results.from_trace(traces / "a.db")
    assert reason in str(raised.value)


@pytest.mark.parametrize("output", ["a.db", "./link.db"])
def test_a_report_never_overwrites_its_run(traces: Path, output: str) -> None:
    (traces / "link.db").symlink_to("a.db")
    before = (traces / "a.db").read_bytes()
    result = aieb(traces, "report", "a.db", "-f", "html", "-o", output)
    assert_fails(result, 2, "would overwrite", "a.db")
    assert_fails(aieb(traces, "compare", "a.db", "b.db", "--html", output), 2, "would overwrite")
    assert (traces / "a.db").read_bytes() == before


@pytest.mark.parametrize(
    "words",
    [
        ["--json", "a.json"],
        ["--json", "prompts.jsonl"],
        ["--trace", "a.json"],
        ["reporter.output_file=a.json"],
    ],
)
def test_a_run_never_overwrites_what_it_reads(tmp_path: Path, words: list[str]) -> None:
    write_config(tmp_path)
    before = (tmp_path / "a.json").read_bytes()
    assert_fails(aieb(tmp_path, "run", "a.json", *words), 2, "would overwrite", words[-1][-5:])
    assert (tmp_path / "a.json").read_bytes() == before


def test_a_sweep_never_overwrites_its_configuration(tmp_path: Path) -> None:
    write_config(tmp_path)
    result = aieb(tmp_path, "sweep", "a.json", "scenario.seed=1,2", "--json", "a.json")
    assert_fails(result, 2, "would overwrite", "a.json")


@pytest.mark.parametrize(
    "words", [["report", "a.db", "-f", "html"], ["list"], ["show", "a.db"], ["--help"]]
)
def test_a_full_disk_behind_stdout_is_code_3(
    tmp_path: Path, traces: Path, words: list[str]
) -> None:
    result = to_full_disk(tmp_path, *words)
    assert result.returncode == 3
    assert "error: cannot write to stdout" in result.stderr


def test_a_document_of_a_run_that_stdout_did_not_take_is_code_3(tmp_path: Path) -> None:
    with fake_server("--ttft-ms", "1") as endpoint:
        write_config(tmp_path, endpoint)
        result = to_full_disk(tmp_path, "run", "a.json", "-q", "--json", "-")
    assert result.returncode == 3
    assert "cannot write to stdout" in result.stderr


@pytest.mark.parametrize("kinds", [("html", "json"), ("csv", "csv"), ("sqlite", "csv")])
def test_two_reports_for_one_file_are_refused(tmp_path: Path, kinds: tuple[str, str]) -> None:
    first, second = kinds
    reporters = [
        {"type": first, "output_file": "results/r"},
        {"type": second, "output_file": "./results/../results/r"},
    ]
    write_config(tmp_path, reporter=reporters)
    label = second + ("_2" if first == second else "")
    for command in ("run", "validate"):
        assert_fails(aieb(tmp_path, command, "a.json"), 2, f"the outputs {first} and {label}")


def test_the_document_of_a_run_and_its_trace_are_not_one_file(tmp_path: Path) -> None:
    write_config(tmp_path)
    result = aieb(tmp_path, "run", "a.json", "--json", "t.db", "--trace", "t.db")
    assert_fails(result, 2, "--json and --trace")


def test_a_folder_of_runs_that_cannot_be_read_is_code_3(tmp_path: Path) -> None:
    (tmp_path / "benchmark_output").mkdir()
    (tmp_path / "benchmark_output" / "runs").write_text("")
    assert_fails(aieb(tmp_path, "list"), 3, "benchmark_output/runs cannot be read")


def test_a_negative_number_of_runs_is_refused(tmp_path: Path, traces: Path) -> None:
    assert_fails(aieb(tmp_path, "list", "-n", "-3"), 2, "aieb list --help")
    assert "b.db" in aieb(tmp_path, "list", "-n", "1").stdout


@pytest.mark.parametrize("content", ["a diary, which nobody wants to lose", ""])
def test_a_file_that_is_no_database_is_found_before_the_run(tmp_path: Path, content: str) -> None:
    write_config(tmp_path, reporter={"type": "sqlite", "output_file": "r.db"})
    (tmp_path / "r.db").write_text(content)
    assert_fails(aieb(tmp_path, "run", "a.json"), 3, "cannot add runs to r.db")
    assert (tmp_path / "r.db").read_text() == content
    assert not (tmp_path / "benchmark_output" / "runs").exists()


def test_validate_refuses_an_endpoint_that_run_refuses(tmp_path: Path) -> None:
    write_config(tmp_path)
    result = aieb(tmp_path, "validate", "a.json", "backend.endpoint=ftp://x")
    assert_fails(result, 2, "backend.endpoint", "ftp")


def test_a_report_that_fails_costs_neither_the_others_nor_the_document(tmp_path: Path) -> None:
    (tmp_path / "results" / "GPU_ENERGY_WH.txt").mkdir(parents=True)
    reporters = [
        {"type": "ai_energy_score", "output_file": "results/summary.json"},
        {"type": "markdown", "output_file": "results/r.md"},
    ]
    with fake_server("--ttft-ms", "1") as endpoint:
        write_config(tmp_path, endpoint, reporter=reporters)
        result = aieb(tmp_path, "run", "a.json", "-q", "--json", "j1.json")
    assert_fails(result, 3, "The run itself is kept")
    assert (tmp_path / "results" / "r.md").is_file()
    files = json.loads((tmp_path / "j1.json").read_text())["files"]
    assert files["json_document"] == "j1.json"
    assert "ai_energy_score" not in files


def test_names_of_a_servers_models_cannot_command_the_terminal(tmp_path: Path) -> None:
    with fake_server("--model", "evil\x1b[2J\nname") as endpoint:
        write_config(tmp_path, endpoint)
        assert_fails(aieb(tmp_path, "run", "a.json"), 5, r"evil\x1b[2J\nname")


def test_prompts_cannot_command_the_terminal(tmp_path: Path) -> None:
    write_config(tmp_path)
    result = aieb(tmp_path, "run", "a.json", "--dry-run")
    assert result.returncode == 0, result.stderr
    assert r"One \x1b[2Jquestion?" in result.stdout
    assert "\x1b" not in result.stdout
