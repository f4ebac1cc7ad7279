"""Datasets from a fake hub, from the cache of the official client, and from that of `datasets`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from text_probe import Probe, ProbeError

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "fakes"))
from fake_hub import FakeHub

CARD = """---
configs:
- config_name: main
  data_files:
  - split: train
    path: main/train-*
  - split: test
    path: main/test-*
- config_name: socratic
  data_files: socratic/*.jsonl
---
# Questions
"""


def rows(*texts: str) -> bytes:
    return "".join(json.dumps({"text": text}) + "\n" for text in texts).encode()


FILES = {
    "README.md": CARD.encode(),
    "main/train-00000-of-00002.jsonl": rows("a", "b"),
    "main/train-00001-of-00002.jsonl": rows(*(f"c{i}" for i in range(100))),
    "main/test-00000-of-00001.jsonl": rows("t"),
    "socratic/all.jsonl": rows("s"),
    "figures/plot.png": b"png",
}
DATASET = "org/questions"


@pytest.fixture
def hub():
    with FakeHub() as fake:
        fake.add("datasets", DATASET, dict(FILES))
        yield fake


@pytest.fixture
def env(hub, tmp_path):
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("HF_", "HUGGING")) and not name.endswith("_proxy")
    }
    return {**kept, "HF_ENDPOINT": hub.endpoint, "HF_HOME": str(tmp_path / "hf")}


def resolve(env: dict[str, str], **arguments):
    with Probe(env) as probe:
        return probe("resolve_dataset", **{"dataset": DATASET, "split": "train", **arguments})


def official(code: str, env: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def names(found: dict) -> list[str]:
    return ["/".join(Path(path).parts[-2:]) for path in found["paths"]]


def test_fetches_the_files_of_one_split(hub, env):
    found = resolve(env)
    assert names(found) == ["main/train-00000-of-00002.jsonl", "main/train-00001-of-00002.jsonl"]
    assert (found["config"], found["source"]) == ("main", "Hugging Face hub")
    assert found["revision"] == hub.repos["datasets", DATASET].commit
    assert Path(found["paths"][1]).read_bytes() == FILES["main/train-00001-of-00002.jsonl"]
    fetched = [path for path in hub.paths() if "/resolve/" in path]
    assert not any("test-" in path or "socratic" in path or "png" in path for path in fetched)


def test_takes_another_configuration(env):
    assert names(resolve(env, config="socratic")) == ["socratic/all.jsonl"]


def test_lists_configurations_and_splits(env):
    with pytest.raises(ProbeError, match="main, socratic") as failure:
        resolve(env, config="other")
    assert failure.value.exit_code == 4
    with pytest.raises(ProbeError, match="one of: test, train"):
        resolve(env, split="validation")


def test_uses_the_cache_when_offline(env):
    first = resolve(env)
    second = resolve({**env, "HF_HUB_OFFLINE": "1"})
    assert (second["paths"], second["source"]) == (first["paths"], "Hugging Face cache")
    with pytest.raises(ProbeError, match="HF_HUB_OFFLINE") as failure:
        resolve({**env, "HF_HUB_OFFLINE": "1"}, split="test")
    assert failure.value.exit_code == 3


def test_uses_the_cache_when_the_hub_is_gone(hub, env):
    first = resolve(env)
    gone = {**env, "HF_ENDPOINT": "http://127.0.0.1:9"}
    assert resolve(gone)["paths"] == first["paths"]
    with pytest.raises(ProbeError, match="cannot be reached"):
        resolve(gone, dataset="org/other")


def test_does_not_take_half_a_split_for_the_whole(env):
    first = resolve(env)
    Path(first["paths"][1]).unlink()
    with pytest.raises(ProbeError, match="not in"):
        resolve({**env, "HF_HUB_OFFLINE": "1"})
    assert resolve(env)["paths"] == first["paths"]


def test_shares_the_cache_with_the_official_client(env):
    pytest.importorskip("huggingface_hub")
    ours = resolve(env)
    code = (
        "from huggingface_hub import hf_hub_download as get\n"
        f"print(get('{DATASET}', 'main/train-00000-of-00002.jsonl', repo_type='dataset'))"
    )
    assert official(code, {**env, "HF_HUB_OFFLINE": "1"}) == ours["paths"][0]


def test_finds_what_the_official_client_stored(hub, env):
    pytest.importorskip("huggingface_hub")
    code = (
        "from huggingface_hub import snapshot_download as get\n"
        f"print(get('{DATASET}', repo_type='dataset'))"
    )
    folder = official(code, env)
    found = resolve({**env, "HF_HUB_OFFLINE": "1"}, split="test")
    assert found["paths"] == [f"{folder}/main/test-00000-of-00001.jsonl"]


def test_takes_the_hubs_conversion_of_a_script(hub, env):
    hub.add("datasets", "org/script", {"script.py": b"pass", "README.md": b"# no header\n"})
    converted = {"plain/test/0000.parquet": b"PAR1", "plain/train/0000.parquet": b"PAR1"}
    hub.add_revision("datasets", "org/script", "refs/convert/parquet", converted)
    found = resolve(env, dataset="org/script")
    assert (names(found), found["config"]) == (["train/0000.parquet"], "plain")


def test_finds_what_load_dataset_prepared(hub, env, tmp_path):
    pytest.importorskip("datasets")
    (tmp_path / "local").mkdir()
    (tmp_path / "local" / "train.jsonl").write_bytes(rows("x", "y"))
    code = f"import datasets; datasets.load_dataset('json', data_dir={str(tmp_path / 'local')!r})"
    official(code, {**env, "HF_HUB_OFFLINE": "1"})
    with Probe({**env, "HF_HUB_OFFLINE": "1"}) as probe:
        found = probe("resolve_dataset", dataset="json", split="train")
        texts = probe("read_column", path=found["paths"][0], column="text", limit=0)
    assert texts == ["x", "y"]
    assert found["source"] == "cache of the datasets library"
