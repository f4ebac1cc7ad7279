"""Configurations and servers for the tests of the Python package."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

PROMPTS = 4


def clean_environment(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """In `folder`, without the variables that the user's shell may hold."""
    from cli_harness import VARIABLES

    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(folder)


def write_prompts(folder: Path, count: int = PROMPTS) -> str:
    lines = [json.dumps({"text": f"Question {i}?"}) for i in range(count)]
    (folder / "prompts.jsonl").write_text("\n".join(lines) + "\n")
    return "prompts.jsonl"


def config_values(folder: Path, **backend: Any) -> dict[str, Any]:
    """A small run without idle time, below `folder`."""
    return {
        "name": "python_test",
        "backend": backend,
        "scenario": {
            "dataset_name": write_prompts(folder),
            "num_samples": PROMPTS,
            "generate_kwargs": {"max_new_tokens": 8},
        },
        "metrics": {"idle_s": 0, "warmup_prompts": 0, "country_iso_code": "FRA"},
        "reporter": {"type": "csv", "output_file": "results/r.csv"},
    }


def write_config(folder: Path, **backend: Any) -> str:
    """The same as a file (JSON is YAML)."""
    (folder / "config.yaml").write_text(json.dumps(config_values(folder, **backend)))
    return "config.yaml"
