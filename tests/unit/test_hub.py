"""Downloads against a fake hub, and the cache shared with the official client both ways."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from text_probe import Probe, ProbeError

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "fakes"))
from fake_hub import FakeHub

MODEL = "org/tiny"
SEED = random.SystemRandom().randrange(1 << 30)


def content(size: int) -> bytes:
    return random.Random(SEED + size).randbytes(size)


FILES = {
    "README.md": b"# tiny\n",
    "config.json": b'{"model_type": "llama"}',
    "tokenizer.json": content(5000),
    "tokenizer_config.json": b"{}",
    "additional_chat_templates/rag.jinja": b"{{ messages }}",
    "empty.txt": b"",
    "model.safetensors": content(300_000),
    "pytorch_model.bin": content(4000),
    "onnx/model.onnx": content(4000),
}
NEEDED = sorted(set(FILES) - {"README.md", "empty.txt", "pytorch_model.bin", "onnx/model.onnx"})


@pytest.fixture
def hub():
    with FakeHub() as fake:
        fake.add("models", MODEL, dict(FILES))
        yield fake


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "hf"


def environment(hub: FakeHub, cache: Path, **more: str) -> dict[str, str]:
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("HF_", "HUGGING", "TRANSFORMERS_")) and not name.endswith("_proxy")
    }
    return {**inherited, "HF_ENDPOINT": hub.endpoint, "HF_HOME": str(cache), **more}


def resolve(hub: FakeHub, cache: Path, model: str = MODEL, env: dict | None = None, **arguments):
    with Probe(environment(hub, cache, **(env or {}))) as probe:
        return probe("resolve", model=model, **arguments)


def official(code: str, hub: FakeHub, cache: Path, **env: str) -> str:
    """Runs code with the official client."""
    pytest.importorskip("huggingface_hub")
    done = subprocess.run(
        [sys.executable, "-c", "from huggingface_hub import *\n" + code],
        env=environment(hub, cache, HF_HUB_DISABLE_TELEMETRY="1", **env),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def folder_content(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_fetches_what_inference_needs_and_nothing_else(hub, cache):
    found = resolve(hub, cache)
    assert found["source"] == "Hugging Face hub"
    assert found["revision"] == hub.repos["models", MODEL].commit
    assert folder_content(Path(found["path"])) == {name: FILES[name] for name in NEEDED}
    assert found["bytes_done"] == found["bytes_total"] == sum(len(FILES[n]) for n in NEEDED)


def test_uses_the_cache_the_second_time_without_asking_the_hub(hub, cache):
    first = resolve(hub, cache)
    hub.requests.clear()
    second = resolve(hub, cache)
    assert second["source"] == "Hugging Face cache"
    assert second["path"] == first["path"]
    assert hub.requests == []


@pytest.mark.parametrize("chunk_bytes", [50_000, 300_000, 1 << 25])
def test_fetches_large_files_in_parts(hub, cache, chunk_bytes):
    found = resolve(hub, cache, chunk_bytes=chunk_bytes)
    assert (Path(found["path"]) / "model.safetensors").read_bytes() == FILES["model.safetensors"]


def test_the_official_client_finds_what_we_stored(hub, cache):
    ours = resolve(hub, cache)
    code = f"print(hf_hub_download('{MODEL}', 'model.safetensors'))"
    theirs = official(code, hub, cache, HF_HUB_OFFLINE="1")
    assert Path(theirs) == Path(ours["path"]) / "model.safetensors"
    code = f"print(snapshot_download('{MODEL}'))"
    assert official(code, hub, cache, HF_HUB_OFFLINE="1") == ours["path"]


def test_the_official_client_continues_our_snapshot(hub, cache):
    ours = resolve(hub, cache)
    hub.requests.clear()
    theirs = official(f"print(snapshot_download('{MODEL}'))", hub, cache)
    assert theirs == ours["path"]
    assert folder_content(Path(theirs)) == FILES
    digest = hashlib.sha256(FILES["model.safetensors"]).hexdigest()
    assert not any(digest in path for path in hub.paths()), "it fetched again what we had stored"


def test_we_find_what_the_official_client_stored(hub, cache):
    theirs = official(f"print(snapshot_download('{MODEL}'))", hub, cache)
    hub.requests.clear()
    ours = resolve(hub, cache, env={"HF_HUB_OFFLINE": "1"})
    assert (ours["path"], ours["source"]) == (theirs, "Hugging Face cache")
    assert hub.requests == []


def test_we_complete_what_the_official_client_began(hub, cache):
    official(f"hf_hub_download('{MODEL}', 'model.safetensors')", hub, cache)
    hub.requests.clear()
    ours = resolve(hub, cache)
    assert set(folder_content(Path(ours["path"]))) == set(NEEDED)
    assert not any("model.safetensors" in path for path in hub.paths())


def test_continues_a_transfer_that_broke_off(hub, cache):
    hub.faults.cuts, hub.faults.cut_after = 3, 70_000
    found = resolve(hub, cache)
    assert (Path(found["path"]) / "model.safetensors").read_bytes() == FILES["model.safetensors"]
    stored = [request for request in hub.requests if "/storage/" in request.path]
    ranges = [request.headers["Range"] for request in stored if "Range" in request.headers]
    assert any(not asked.startswith("bytes=0-") for asked in ranges), "it began from the start"


def test_keeps_finished_parts_for_the_next_run(hub, cache):
    hub.faults.cuts, hub.faults.cut_after = 1000, 0
    size = len(FILES["model.safetensors"])
    digest = hashlib.sha256(FILES["model.safetensors"]).hexdigest()
    blobs = cache / "hub" / "models--org--tiny" / "blobs"
    blobs.mkdir(parents=True)
    (blobs / f"{digest}.incomplete").write_bytes(FILES["model.safetensors"][:100_000])
    (blobs / f"{digest}.incomplete.parts").write_text(f"{size} 50000\n0\n1\n")
    with pytest.raises(ProbeError, match="broke off"):
        resolve(hub, cache, chunk_bytes=50_000)
    hub.faults.cuts = 0
    hub.requests.clear()
    found = resolve(hub, cache, chunk_bytes=50_000)
    assert (Path(found["path"]) / "model.safetensors").read_bytes() == FILES["model.safetensors"]
    fetched = [r for r in hub.requests if r.method == "GET" and digest in r.path]
    assert len(fetched) == 4, "parts that were there were fetched again"
    assert [path.name for path in blobs.iterdir() if "incomplete" in path.name] == []


def test_copes_with_a_server_that_ignores_ranges(hub, cache):
    hub.faults.no_ranges = True
    found = resolve(hub, cache, chunk_bytes=100_000)
    assert (Path(found["path"]) / "model.safetensors").read_bytes() == FILES["model.safetensors"]


def test_asks_for_a_new_link_when_one_has_expired(hub, cache):
    hub.faults.expired_links = 2
    found = resolve(hub, cache)
    assert (Path(found["path"]) / "model.safetensors").read_bytes() == FILES["model.safetensors"]


def test_tries_again_when_the_server_stumbles(hub, cache):
    hub.faults.server_errors = 2
    assert resolve(hub, cache)["source"] == "Hugging Face hub"


def test_throws_away_a_damaged_file(hub, cache):
    hub.faults.corrupt = True
    with pytest.raises(ProbeError, match="damaged") as failure:
        resolve(hub, cache)
    assert failure.value.exit_code == 4
    digest = hashlib.sha256(FILES["model.safetensors"]).hexdigest()
    assert list(cache.rglob(f"{digest}*")) == list(cache.rglob(f"{digest}.lock"))


def test_says_how_to_get_into_a_gated_repository(hub, cache):
    hub.repos["models", MODEL].gated = True
    with pytest.raises(ProbeError, match="HF_TOKEN"):
        resolve(hub, cache)
    with pytest.raises(ProbeError, match="not enough") as failure:
        resolve(hub, cache, env={"HF_TOKEN": "hf_wrong"})
    assert "hf_wrong" not in str(failure.value)


def test_sends_the_token_to_the_hub_only(hub, cache):
    hub.repos["models", MODEL].gated = True
    with Probe(environment(hub, cache, HF_TOKEN=hub.token)) as probe:
        found = probe("resolve", model=MODEL)
        log = probe.close()
    assert found["source"] == "Hugging Face hub"
    assert hub.token not in log
    for request in hub.requests:
        to_storage = "/storage/" in request.path
        assert ("Authorization" in request.headers) != to_storage, request.path


def test_proposes_a_name_for_one_that_does_not_exist(hub, cache):
    with pytest.raises(ProbeError, match="did you mean org/tiny") as failure:
        resolve(hub, cache, model="orgs/tiny")
    assert failure.value.exit_code == 4


def test_names_the_revision_that_does_not_exist(hub, cache):
    with pytest.raises(ProbeError, match="no revision 'v9'"):
        resolve(hub, cache, revision="v9")


def test_takes_a_named_revision(hub, cache):
    repo = hub.repos["models", MODEL]
    repo.refs = ("main", "refs/pr/1")
    found = resolve(hub, cache, revision="refs/pr/1")
    assert found["revision"] == repo.commit
    assert (cache / "hub/models--org--tiny/refs/refs/pr/1").read_text() == repo.commit


def test_takes_one_gguf_file(hub, cache):
    hub.add("models", "org/gguf", {"a/q4.gguf": content(2000), "q8.gguf": content(2001)})
    with pytest.raises(ProbeError, match=r"org/gguf/q8\.gguf"):
        resolve(hub, cache, model="org/gguf")
    found = resolve(hub, cache, model="org/gguf/a/q4.gguf")
    assert found["gguf"] and Path(found["path"]).read_bytes() == content(2000)


def test_says_that_the_cache_cannot_be_written(hub, cache):
    cache.write_text("a file where the folder should be")
    with pytest.raises(ProbeError, match=r"cannot be .*HF_HOME") as failure:
        resolve(hub, cache)
    assert failure.value.exit_code == 3


def test_asks_for_space_before_it_begins(hub, cache):
    with pytest.raises(ProbeError, match="needs 305 kB, but only 0 B are free") as failure:
        resolve(hub, cache, env={"HF_HOME": "/proc/nowhere"})  # a file system without any space
    assert failure.value.exit_code == 3
    assert hub.paths("HEAD") == []


def test_two_processes_fetch_a_file_once(hub, cache):
    env = environment(hub, cache)
    with Probe(env) as one, Probe(env) as two, ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda probe: probe("resolve", model=MODEL), (one, two)))
    assert found[0]["path"] == found[1]["path"]
    digest = hashlib.sha256(FILES["model.safetensors"]).hexdigest()
    assert len([path for path in hub.paths() if digest in path]) == 1
