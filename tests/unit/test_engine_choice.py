"""backend.engine with both engines there: which one answers, and that they answer the same."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("tokenizers")

from cli_harness import BINARY, ROOT, aieb, assert_fails  # noqa: E402
from tiny_checkpoint import make_checkpoint  # noqa: E402

FAKE = str(ROOT / "tests" / "fakes" / "fake_transformers_worker.py")
PROMPTS = ["w5 w7 w9 w11", "w80 w2", "w3 w4 w5 w6 w7 w8 w9"]

pytestmark = [
    pytest.mark.pytorch,
    pytest.mark.skipif(
        not (BINARY.parent / "libaieb_pytorch.so").exists(),
        reason="this build has no native engine (AIEB_PYTORCH=OFF)",
    ),
]


@pytest.fixture(scope="module")
def known(tmp_path_factory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("llama"), 1)


@pytest.fixture(scope="module")
def unknown(tmp_path_factory) -> Path:
    """A family that the native engine lacks."""
    folder = make_checkpoint(tmp_path_factory.mktemp("mamba"), 1)
    config = transformers.MambaConfig(
        vocab_size=90, hidden_size=32, num_hidden_layers=2, state_size=4
    )
    transformers.MambaForCausalLM(config).save_pretrained(folder)
    return folder


def run(
    folder: Path, model: Path, *more: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    (folder / "config.yaml").write_text("name: engines\n")
    (folder / "prompts.jsonl").write_text("".join(json.dumps({"text": t}) + "\n" for t in PROMPTS))
    return aieb(
        folder, "run", "config.yaml", "backend.type=pytorch", f"backend.model={model}",
        "backend.device=cpu", "backend.torch_dtype=float32", "scenario.dataset_name=prompts.jsonl",
        f"scenario.num_samples={len(PROMPTS)}", "metrics.idle_s=0", "metrics.warmup_prompts=0",
        "scenario.generate_kwargs={max_new_tokens: 8, min_new_tokens: 5}",
        "--json", "results.json", *more, **variables,
    )  # fmt: skip


def results(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "results.json").read_text())


def engine(folder: Path) -> dict[str, Any]:
    return results(folder)["environment"]["engine"]


def test_auto_takes_the_native_engine_for_a_family_that_it_knows(known, tmp_path):
    done = run(tmp_path, known, AIEB_PYTHON=FAKE)
    assert done.returncode == 0, done.stderr
    assert engine(tmp_path)["engine"] == "native"


def test_auto_goes_on_to_transformers_with_a_notice(unknown, tmp_path):
    done = run(tmp_path, unknown, AIEB_PYTHON=FAKE)
    assert done.returncode == 0, done.stderr
    assert engine(tmp_path)["engine"] == "transformers"
    assert "'mamba' is not supported" in engine(tmp_path)["details"]["notices"][0]
    assert "the transformers engine answers" in done.stderr


def test_auto_does_not_refuse_a_map_that_transformers_can_do(known, tmp_path):
    whole = "backend.device_map={model: cpu, lm_head: disk}"
    done = run(tmp_path, known, whole, AIEB_PYTHON=FAKE)
    assert done.returncode == 0, done.stderr
    assert engine(tmp_path)["engine"] == "native"
    divided = "backend.device_map={model: cpu, lm_head: cpu, model.layers.0.mlp: disk}"
    done = run(tmp_path, known, divided, AIEB_PYTHON=FAKE)
    assert done.returncode == 0, done.stderr
    assert engine(tmp_path)["engine"] == "transformers"


def test_without_the_packages_the_error_names_both_ways_out(unknown, tmp_path):
    done = run(tmp_path, unknown, AIEB_PYTHON=FAKE, AIEB_FAKE_WORKER="transformers")
    assert_fails(
        done, 4, "'mamba' is not supported", "choose another model", "pip install transformers"
    )
    done = run(tmp_path, unknown, "backend.engine=native")
    assert_fails(done, 4, "'mamba' is not supported", "backend.engine: transformers")


def test_both_engines_give_the_same_tokens_and_compare_says_that_they_differ(known, tmp_path):
    answers = {}
    for name in ("native", "transformers"):
        folder = tmp_path / name
        folder.mkdir()
        done = run(folder, known, f"backend.engine={name}", "scenario.batch_size=2",
                   AIEB_PYTHON=sys.executable)  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert engine(folder)["engine"] == name
        answers[name] = [
            (p["token_ids"], p["prompt_tokens"], p["finish_reason"], p["text"])
            for p in results(folder)["per_prompt_results"]
        ]
    assert answers["native"] == answers["transformers"]
    compared = aieb(tmp_path, "compare", "native/results.json", "transformers/results.json")
    assert compared.returncode != 0
    assert "engine: native against transformers" in compared.stderr, compared.stderr
