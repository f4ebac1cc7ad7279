"""aieb verify: the native engine beside an installed transformers, on a tiny checkpoint."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("tokenizers")

from cli_harness import aieb  # noqa: E402
from tiny_checkpoint import make_checkpoint  # noqa: E402

pytestmark = pytest.mark.pytorch


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("model"), 1)


@pytest.fixture(scope="module")
def prompts(tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("prompts") / "prompts.jsonl"
    file.write_text('{"text": "w5 w7 w9"}\n{"text": "w80 w2 w3 w4 w5"}\n')
    return file


def interpreter(folder: Path, command: str) -> Path:
    """A program that stands in for Python."""
    file = folder / "python"
    file.write_text(f"#!/bin/sh\n{command}\n")
    file.chmod(0o755)
    return file


def verify(*arguments: object):
    return aieb(Path.cwd(), "verify", *map(str, arguments))


def test_an_engine_that_agrees(checkpoint, prompts):
    done = verify(checkpoint, "--prompts", prompts, "--json", "-", "--python", sys.executable)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["agrees"] and report["transformers_version"] == transformers.__version__
    assert len(report["prompts"]) == 2
    for row in report["prompts"]:
        assert row["same_prompt_tokens"] and row["same_tokens"] == row["tokens"] > 0
        assert 0 < row["largest_logit_difference"] < 2e-4


def test_other_weights_are_noticed(checkpoint, prompts, tmp_path):
    other = make_checkpoint(tmp_path / "other", 2)
    program = f'sed "s#{checkpoint}#{other}#" | exec {sys.executable} "$@"'
    python = interpreter(tmp_path, program)
    done = verify(checkpoint, "--prompts", prompts, "--python", python)
    assert done.returncode == 1
    assert "They do not agree" in done.stdout and "too large" in done.stdout


def test_without_transformers_the_remedy_is_named(checkpoint, prompts, tmp_path):
    python = interpreter(tmp_path, f'exec {sys.executable} -I -S "$@"')
    done = verify(checkpoint, "--prompts", prompts, "--python", python)
    assert done.returncode == 3
    assert "pip install torch transformers" in done.stderr and "--python" in done.stderr
