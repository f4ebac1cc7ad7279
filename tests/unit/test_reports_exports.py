"""Exports against what others define them by, and commands that make configurations."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest
from cli_harness import BINARY, ROOT, aieb, assert_fails, fake_server
from trace_maker import TraceMaker

SCHEMAS = ROOT / "tests" / "data" / "boamps"


def export(folder: Path, name: str, **options: object) -> str:
    trace = TraceMaker(**options).write(folder / f"{name}.db")  # type: ignore[arg-type]
    result = aieb(folder, "report", str(trace), "--format", name)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_boamps_validates_against_its_schema(tmp_path: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    referencing = pytest.importorskip("referencing")
    document = json.loads(export(tmp_path, "boamps"))
    base = "https://raw.githubusercontent.com/Boavizta/BoAmps/main/model/"
    resources = [
        (
            base + path.name,
            referencing.Resource(json.loads(path.read_text()), referencing.jsonschema.DRAFT4),
        )
        for path in SCHEMAS.glob("*.json")
    ]
    schema = json.loads((SCHEMAS / "report_schema.json").read_text())
    registry = referencing.Registry().with_resources(resources)
    jsonschema.Draft4Validator(schema, registry=registry).validate(document)
    assert len(document["measures"]) == 1


def test_ml_energy_has_what_its_own_reader_requires(tmp_path: Path) -> None:
    document = json.loads(export(tmp_path, "ml_energy"))
    for key in (
        "model_id", "gpu_model", "num_gpus", "completed", "num_prompts", "duration",
        "steady_state_duration", "steady_state_energy", "steady_state_energy_per_token",
        "output_throughput",
    ):  # fmt: skip
        assert document[key] is not None, key
    assert {"output_len", "success", "error", "itl", "energy"} <= document["results"][0].keys()
    answered = [r for r in document["results"] if r["success"]]
    energy = sum(r["energy"] for r in answered)
    assert energy == pytest.approx(document["steady_state_energy"], rel=1e-9)
    assert len(answered[0]["itl"]) == answered[0]["output_len"] - 1
    assert {"device_instant", "device_average", "memory_average"} == document["timeline"][
        "power"
    ].keys()


@pytest.mark.parametrize("name", ["boamps", "ai_energy_score"])
def test_an_export_about_energy_refuses_a_run_without(tmp_path: Path, name: str) -> None:
    trace = TraceMaker(config={"metrics": {"enabled": False}}).write(tmp_path / "run.db")
    assert_fails(aieb(tmp_path, "report", str(trace), "--format", name), 4, "not known")


def test_ai_energy_score_writes_both_of_its_files(tmp_path: Path) -> None:
    trace = TraceMaker().write(tmp_path / "run.db")
    path = "out/GPU_ENERGY_SUMMARY.json"
    assert (
        aieb(tmp_path, "report", str(trace), "--format", "ai_energy_score", "-o", path).returncode
        == 0
    )
    summary = json.loads((tmp_path / path).read_text())
    assert summary["total"] == pytest.approx(summary["prefill_wh"] + summary["decode_wh"], abs=1e-5)
    total = float((tmp_path / "out" / "GPU_ENERGY_WH.txt").read_text())
    assert total == pytest.approx(summary["total"], abs=0.005)


def test_sqlite_gathers_runs_for_pandas(tmp_path: Path) -> None:
    for name in ("one", "two"):
        trace = TraceMaker(name=name, prompts=40).write(tmp_path / f"{name}.db")
        result = aieb(tmp_path, "report", str(trace), "--format", "sqlite", "-o", "all.db")
        assert result.returncode == 0, result.stderr
    with closing(sqlite3.connect(tmp_path / "all.db")) as db:
        metrics = pd.read_sql("SELECT * FROM metrics WHERE key = 'total_energy_wh'", db)
        prompts = pd.read_sql("SELECT name, energy_wh FROM per_prompt JOIN runs USING (run_id)", db)
    assert len(metrics) == 2
    assert (metrics["uncertainty"] > 0).all()
    assert prompts.groupby("name").size().to_dict() == {"one": 40, "two": 40}


def test_sqlite_has_what_the_results_document_has_of_a_prompt(tmp_path: Path) -> None:
    trace = str(TraceMaker(prompts=5).write(tmp_path / "run.db"))
    document = json.loads(aieb(tmp_path, "report", trace, "--format", "json").stdout)
    assert aieb(tmp_path, "report", trace, "--format", "sqlite", "-o", "all.db").returncode == 0
    with closing(sqlite3.connect(tmp_path / "all.db")) as db:
        rows = pd.read_sql("SELECT * FROM per_prompt", db).drop(columns="run_id")
    expected = pd.DataFrame(document["per_prompt_results"]).drop(
        columns=["token_ids", "last_logits"]
    )
    assert list(rows.columns) == list(expected.columns)
    pd.testing.assert_frame_equal(rows, expected, check_dtype=False)


def test_a_page_from_a_results_document_has_the_same_drawings(tmp_path: Path) -> None:
    trace = str(TraceMaker().write(tmp_path / "run.db"))
    aieb(tmp_path, "report", trace, "--format", "json", "-o", "results.json")
    pages = [
        aieb(tmp_path, "report", source, "--format", "html").stdout
        for source in (trace, "results.json")
    ]
    data = [
        json.loads(page.split('type="application/json">')[1].split("</script")[0]) for page in pages
    ]
    for key in ("power", "latency", "phases", "prompts", "energy"):
        assert data[0][key] == data[1][key], key


def test_a_report_that_cannot_be_made_keeps_the_others(tmp_path: Path) -> None:
    with fake_server("--ttft-ms", "2", "--itl-ms", "1") as endpoint:
        aieb(tmp_path, "init", "vllm")
        (tmp_path / "run.yaml").write_text(
            (tmp_path / "config.yaml").read_text().split("\nreporter:")[0]
            + "\nreporter:\n  - {type: ai_energy_score, output_file: score.json}\n"
            "  - {type: csv, output_file: run.csv}\n"
        )
        result = aieb(
            tmp_path, "run", "run.yaml", f"backend.endpoint={endpoint}",
            "backend.model=fake-model", "scenario.num_samples=2", "metrics.idle_s=0.2",
        )  # fmt: skip
    if "GPU_ENERGY" not in result.stdout:
        assert "AI Energy Score is about the energy of GPUs" in result.stderr
    assert (tmp_path / "run.csv").is_file()


def test_cost_is_in_every_report(tmp_path: Path) -> None:
    price = {"metrics": {"price": {"currency": "EUR", "per_kwh": 0.3, "per_gpu_hour": 2.5}}}
    trace = str(TraceMaker(config=price).write(tmp_path / "run.db"))
    reports = {
        name: aieb(tmp_path, "report", trace, "--format", name).stdout
        for name in ("terminal", "json", "csv", "markdown", "html")
    }
    cost = json.loads(reports["json"])["cost"]
    assert cost["gpu_time"]["value"] == pytest.approx(2 * 30 / 3600 * 2.5)
    assert cost["per_1000_prompts"]["value"] == pytest.approx(cost["total"]["value"] * 1000 / 57)
    assert "total_cost" in reports["csv"]
    for name in ("terminal", "markdown", "html"):
        assert "EUR" in reports[name], name


def test_compare_refuses_runs_of_another_protocol_unless_forced(tmp_path: Path) -> None:
    for name, warmups in (("a", 1), ("b", 1), ("c", 5)):
        config = {"metrics": {"warmup_prompts": warmups}}
        TraceMaker(name=name, config=config).write(tmp_path / f"{name}.db")
    assert_fails(
        aieb(tmp_path, "compare", "a.db", "b.db", "c.db"),
        2,
        "A and C: warm-up prompts: 1 against 5",
    )
    forced = aieb(tmp_path, "compare", "a.db", "b.db", "c.db", "--force")
    assert forced.returncode == 0
    assert "warning: C and A differ" in forced.stdout
    document = json.loads(
        aieb(tmp_path, "compare", "a.db", "b.db", "c.db", "--force", "--json").stdout
    )
    assert len(document["comparisons"]) == 2


@pytest.mark.parametrize("backend", ["pytorch", "vllm", "openai", "ollama"])
def test_init_writes_a_configuration_that_is_valid_with_and_without_its_comments(
    tmp_path: Path, backend: str
) -> None:
    result = aieb(tmp_path, "init", backend)
    assert result.returncode == 0, result.stderr
    assert aieb(tmp_path, "validate", "config.yaml").returncode == 0
    assert_fails(aieb(tmp_path, "init", backend), 2, "exists already", "--force")
    lines = (tmp_path / "config.yaml").read_text().splitlines()
    assert max(map(len, lines)) <= 100
    keys = [
        line.replace("#", "", 1) if line.lstrip()[:1] == "#" and line.lstrip()[1:2] != " " else line
        for line in lines
    ]
    (tmp_path / "all.yaml").write_text("\n".join(keys) + "\n")
    result = aieb(tmp_path, "validate", "all.yaml")
    assert result.returncode == 0, result.stderr


def test_init_runs_as_it_is_against_a_server(tmp_path: Path) -> None:
    with fake_server("--ttft-ms", "2", "--itl-ms", "1") as endpoint:
        aieb(tmp_path, "init", "vllm")
        result = aieb(
            tmp_path, "run", "config.yaml", f"backend.endpoint={endpoint}",
            "backend.model=fake-model", "scenario.num_samples=3", "metrics.idle_s=0.2",
        )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "results" / "my_benchmark.html").is_file()


def complete(folder: Path, line: str) -> set[str]:
    """What bash would offer at the end of `line`."""
    script = f"""
source <("{BINARY}" completion bash)
COMP_LINE={json.dumps(line)}; COMP_WORDS=({" ".join(json.dumps(w) for w in split_like_bash(line))})
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _aieb 2>/dev/null; printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    result = subprocess.run(
        ["bash", "-c", script], cwd=folder, capture_output=True, text=True, check=True
    )
    return set(result.stdout.split())


def split_like_bash(line: str) -> list[str]:
    words: list[str] = []
    for word in line.split(" "):
        key, equals, value = word.partition("=")
        words += [key, "=", value] if equals and value else [key, "="] if equals else [word]
    return words


def test_bash_completes_commands_options_keys_and_values(tmp_path: Path) -> None:
    assert {"run", "report", "compare", "init"} <= complete(tmp_path, "aieb ")
    assert complete(tmp_path, "aieb rep") == {"report"}
    assert "--html" in complete(tmp_path, "aieb compare --")
    assert {"html", "boamps"} <= complete(tmp_path, "aieb report x --format ")
    assert complete(tmp_path, "aieb run backend.ty") == {"backend.type="}
    assert complete(tmp_path, "aieb run backend.type=vl") == {"vllm"}
    assert "pytorch" in complete(tmp_path, "aieb run backend.type=")
    assert {"vllm", "ollama"} <= complete(tmp_path, "aieb init ")
    (tmp_path / "my.yaml").touch()
    assert complete(tmp_path, "aieb run my") == {"my.yaml"}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_itself_accepts_the_script(tmp_path: Path, shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    result = aieb(tmp_path, "completion", shell)
    assert result.returncode == 0, result.stderr
    (tmp_path / "script").write_text(result.stdout)
    check = subprocess.run(
        [shell, "-n", str(tmp_path / "script")], capture_output=True, text=True, check=False
    )
    assert (check.returncode, check.stderr) == (0, "")
