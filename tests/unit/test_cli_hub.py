"""A run whose model and prompts come from a (fake) hub: downloaded once, shown, found again offline."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("tokenizers")

from cli_harness import aieb
from tiny_checkpoint import make_checkpoint

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "fakes"))
from fake_hub import FakeHub

pytestmark = pytest.mark.pytorch
PROMPTS = b'{"text": "w5 w7 w9"}\n{"text": "w80 w2 w3"}\n'


@pytest.fixture
def hub(tmp_path):
    folder = make_checkpoint(tmp_path / "checkpoint", 1)
    with FakeHub() as fake:
        files = {file.name: file.read_bytes() for file in folder.iterdir()}
        fake.add("models", "org/tiny", files)
        fake.add("datasets", "org/questions", {"train.jsonl": PROMPTS})
        yield fake


def run(folder: Path, **variables: str):
    return aieb(
        folder,
        "run",
        "backend.type=pytorch",
        "backend.device=cpu",
        "backend.model=org/tiny",
        "scenario.dataset_name=org/questions",
        "scenario.num_samples=2",
        "scenario.generate_kwargs.max_new_tokens=4",
        "metrics.idle_s=0",
        "--json",
        "results.json",
        HF_HOME=str(folder / "hf"),
        **variables,
    )


def test_model_and_prompts_are_downloaded_once(hub, tmp_path):
    done = run(tmp_path, HF_ENDPOINT=hub.endpoint)
    assert done.returncode == 0, done.stderr
    assert "downloading" in done.stderr
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["summary"]["successful_prompts"] == 2
    assert results["environment"]["engine"]["model_source"].startswith("Hugging Face hub")

    again = run(tmp_path, HF_ENDPOINT=hub.endpoint, HF_HUB_OFFLINE="1")
    assert again.returncode == 0, again.stderr
    assert "downloading" not in again.stderr
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["environment"]["engine"]["model_source"] == "Hugging Face cache"


def test_a_column_that_is_not_there_lists_those_that_are(hub, tmp_path):
    done = aieb(
        tmp_path,
        "run",
        "backend.type=pytorch",
        "backend.device=cpu",
        "backend.model=org/tiny",
        "scenario.dataset_name=org/questions",
        "scenario.text_column_name=question",
        HF_HOME=str(tmp_path / "hf"),
        HF_ENDPOINT=hub.endpoint,
    )
    assert done.returncode == 4
    assert "'question'" in done.stderr and "text" in done.stderr
