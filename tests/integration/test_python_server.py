"""The Python package against a server that is started for the test, from shell to report."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cli_harness import environment, fake_server
from python_harness import PROMPTS, write_config

pytestmark = [pytest.mark.integration, pytest.mark.vllm]


def python(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=environment(PYTHONPATH=os.pathsep.join(sys.path)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_one_line_of_python_measures_a_server(tmp_path: Path) -> None:
    with fake_server() as endpoint:
        write_config(tmp_path, type="vllm", endpoint=endpoint, model="fake-model")
        done = python(
            tmp_path,
            "from ai_energy_benchmarks.runner import run_benchmark_from_config; "
            "print(run_benchmark_from_config('config.yaml')['summary']['successful_prompts'])",
        )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{PROMPTS}\n"
    assert done.stderr == ""
    assert (tmp_path / "results" / "r.csv").is_file()
