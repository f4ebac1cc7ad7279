"""The real binary: exit codes, messages, help. Needs no model, server or GPU."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

import pytest
from cli_harness import BINARY, ROOT, aieb, assert_fails, environment

COMMANDS = ["run", "sweep", "validate", "list", "show", "report", "compare", "doctor", "version"]

MINIMAL = """\
name: minimal
backend: {type: vllm, endpoint: "http://127.0.0.1:9/v1", model: some/model}
scenario: {dataset_name: prompts.jsonl, num_samples: 2}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a configuration and two prompts."""
    (tmp_path / "minimal.yaml").write_text(MINIMAL)
    (tmp_path / "prompts.jsonl").write_text('{"text": "One?"}\n{"text": "Two?"}\n')
    return tmp_path


def test_help_lists_every_command(folder: Path) -> None:
    result = aieb(folder, "--help")
    assert result.returncode == 0
    for command in COMMANDS:
        assert f"\n  {command} " in result.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(folder: Path, command: str) -> None:
    result = aieb(folder, command, "--help")
    assert result.returncode == 0
    assert f"Usage: aieb {command}" in result.stdout


def test_version_is_that_of_the_repository(folder: Path) -> None:
    version = (ROOT / "VERSION.txt").read_text().strip()
    for words in (["--version"], ["version"]):
        assert aieb(folder, *words).stdout == f"aieb {version}\n"


def test_starts_in_milliseconds(folder: Path) -> None:
    best = 1.0
    for _ in range(10):
        began = time.perf_counter()
        aieb(folder, "--version")
        best = min(best, time.perf_counter() - began)
    assert best < 0.1, "loading the binary takes longer than it should (20 ms on an idle machine)"


def test_without_a_command_the_help_is_shown(folder: Path) -> None:
    result = aieb(folder)
    assert result.returncode == 2
    assert "Usage: aieb" in result.stdout


def test_a_misspelt_command_is_corrected(folder: Path) -> None:
    assert_fails(aieb(folder, "rnu"), 2, "unknown command 'rnu'", "did you mean 'run'?")


def test_a_misspelt_option_is_corrected(folder: Path) -> None:
    assert_fails(aieb(folder, "run", "--dryrun"), 2, "did you mean '--dry-run'?")


def test_a_configuration_without_a_command_is_explained(folder: Path) -> None:
    assert_fails(aieb(folder, "minimal.yaml"), 2, "aieb run minimal.yaml")


def test_a_missing_configuration_is_named(folder: Path) -> None:
    assert_fails(aieb(folder, "run", "nothing.yaml"), 2, "nothing.yaml")
    assert_fails(aieb(folder, "validate", "nothing.yaml"), 2, "nothing.yaml")


def test_an_unknown_key_is_corrected_with_file_and_line(folder: Path) -> None:
    (folder / "bad.yaml").write_text("name: x\nscenario:\n  num_sample: 3\n")
    for command in ("run", "validate"):
        result = aieb(folder, command, "bad.yaml")
        assert_fails(result, 2, "bad.yaml:3", "did you mean 'num_samples'?")


def test_an_unknown_override_is_corrected(folder: Path) -> None:
    result = aieb(folder, "run", "minimal.yaml", "scenario.num_sample=3")
    assert_fails(result, 2, "scenario.num_sample", "num_samples")


def test_an_unknown_key_far_from_any_other_is_an_error_only_when_strict(folder: Path) -> None:
    (folder / "extra.yaml").write_text(MINIMAL + "frobnication: 1\n")
    assert aieb(folder, "run", "extra.yaml", "--dry-run").returncode == 0
    assert_fails(aieb(folder, "run", "extra.yaml", "--dry-run", "--strict"), 2, "frobnication")
    assert_fails(aieb(folder, "validate", "extra.yaml"), 2, "frobnication")


def test_validate_accepts_a_good_file(folder: Path) -> None:
    result = aieb(folder, "validate", "minimal.yaml")
    assert result.returncode == 0
    assert "minimal.yaml is valid" in result.stdout
    assert list(folder.glob("*output*")) == []


def test_validate_refuses_an_unknown_reporter(folder: Path) -> None:
    result = aieb(folder, "validate", "minimal.yaml", "reporter.type=xls")
    assert_fails(result, 2, "xls", "csv")


def test_an_unknown_log_level_is_refused(folder: Path) -> None:
    assert_fails(aieb(folder, "run", "minimal.yaml", LOG_LEVEL="loud"), 2, "LOG_LEVEL", "debug")


def test_dry_run_prints_the_plan_and_writes_nothing(folder: Path) -> None:
    before = sorted(folder.iterdir())
    result = aieb(folder, "run", "minimal.yaml", "--dry-run")
    assert result.returncode == 0, result.stderr
    assert "minimal" in result.stdout
    assert "2 prompts" in result.stdout
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize(
    "override",
    ["output_dir={}/x", "reporter.output_file={}/x/r.csv", "metrics.output_dir={}/x"],
)
def test_an_unusable_output_folder_is_found_before_anything_is_run(
    folder: Path, override: str
) -> None:
    blocker = folder / "blocker"
    blocker.write_text("a file where a folder should be")
    result = aieb(folder, "run", "minimal.yaml", override.format(blocker))
    assert_fails(result, 3, str(blocker), "move it or choose another path")


def test_away_from_the_repository_settings_are_enough(folder: Path) -> None:
    """An installed binary has no configs/ beside it: the defaults are what settings change."""
    installed = folder / "bin" / "aieb"
    installed.parent.mkdir()
    shutil.copy(BINARY, installed)

    def run(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        command = [
            str(installed),
            "run",
            "--dry-run",
            "scenario.dataset_name=prompts.jsonl",
            *words,
        ]
        settings = environment(**variables)
        return subprocess.run(command, cwd=folder, env=settings, capture_output=True, text=True)

    named = run("backend.type=openai", "backend.model=my/model")
    assert named.returncode == 0, named.stderr
    assert "Plan of the default configuration" in named.stdout and "my/model" in named.stdout
    assert "my/model" in run(BENCHMARK_MODEL="my/model").stdout
    silent = run("backend.endpoint=http://127.0.0.1:9/v1")
    assert silent.returncode == 0, "a server that was named is measured, or its absence an error"


def test_a_server_that_is_not_there_is_code_5(folder: Path) -> None:
    result = aieb(folder, "run", "minimal.yaml", "metrics.idle_s=0")
    assert_fails(result, 5, "127.0.0.1:9")


def test_list_without_runs_says_how_to_make_one(folder: Path) -> None:
    result = aieb(folder, "list")
    assert result.returncode == 0
    assert "aieb run" in result.stdout


@pytest.mark.parametrize("command", ["show", "report"])
def test_a_run_that_does_not_exist_is_named(folder: Path, command: str) -> None:
    assert_fails(aieb(folder, command, "nothing.db"), 2, "nothing.db")


def test_a_file_that_is_no_trace_is_code_4(folder: Path) -> None:
    (folder / "trace.db").write_text("not a database")
    assert_fails(aieb(folder, "report", "trace.db"), 4, "trace.db")


def test_an_unknown_format_lists_the_known_ones(folder: Path) -> None:
    result = aieb(folder, "report", "x.db", "--format", "xls")
    assert_fails(result, 2, "csv", "json", "codecarbon")


def test_doctor_reports_sensors_and_places(folder: Path) -> None:
    result = aieb(folder, "doctor")
    assert result.returncode in (0, 3)
    for what in ("pytorch backend", "torch", "output folder", "model cache"):
        assert what in result.stdout


def test_doctor_fails_when_the_output_folder_cannot_be_used(folder: Path) -> None:
    (folder / "blocker").write_text("")
    result = aieb(folder, "doctor", "--output-dir", str(folder / "blocker" / "x"))
    assert result.returncode == 3
    assert "output folder" in result.stdout


def test_doctor_checks_an_endpoint_when_asked(folder: Path) -> None:
    result = aieb(folder, "doctor", "--endpoint", "http://127.0.0.1:9/v1")
    assert result.returncode == 3
    assert "nothing listens at http://127.0.0.1:9/v1" in result.stdout


def test_colours_stay_out_of_pipes(folder: Path) -> None:
    assert "\x1b" not in aieb(folder, "doctor").stdout
    assert "\x1b" not in aieb(folder, "run", "nothing.yaml").stderr
