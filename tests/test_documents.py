"""Every command and every snippet of README.md and docs/ does what the document says.

Each document is followed from top to bottom in a folder of its own (document_harness.py): bash and
python blocks run, the labels of the output that console blocks show must come, YAML blocks are valid
configurations, JSON and SQL blocks are read by what they are for. `text` is what nobody types.
"""

from __future__ import annotations

import json
import re
import sqlite3
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cli_harness import BINARY, ROOT, fake_server
from document_harness import LANGUAGES, STAND_INS, Block, Place, blocks, commands, documents, shown

sys.path.insert(0, str(ROOT / "tests" / "fakes"))
from fake_hub import FakeHub

pytest.importorskip("tokenizers")
pytest.importorskip("safetensors")
from python_models import make_tiny_model

DATASET = "AIEnergyScore/text_generation"
MODELS = ["microsoft/phi-2", "gpt2", "facebook/opt-125m", "HuggingFaceTB/SmolLM2-135M-Instruct"]
SERVED = ["openai/gpt-oss-120b", "Qwen/Qwen2.5-7B-Instruct", "a", "b"]

# Documents whose blocks another test runs, since they are about Python classes.
ELSEWHERE = {"docs/extending.md": "tests/unit/test_python_extending.py"}

# Blocks that are not run, by what they contain: (document, text) → why that is no gap.
NOT_RUN: dict[tuple[str, str], str] = {
    (
        "docs/carbon.md",
        "carbon_intensity_live: electricity_maps",
    ): "needs a token; test_cli_carbon_series.py asks a made-up service",
    (
        "docs/servers.md",
        "--search scenario.load.request_rate=5..200",
    ): "minutes; the same search on a smaller scale is in test_cli_sweep.py",
    (
        "docs/reports.md",
        "--order random --pause 30",
    ): "minutes of pauses; test_cli_protocol.py measures in turn without them",
    (
        "docs/meters.md",
        "http://node1:",
    ): "no such host; test_cli_exporters.py asks made-up exporters of every type",
    (
        "docs/meters.md",
        "http://pdu1/",
    ): "no such host; test_cli_exporters.py reads an exporter by a mapping",
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, Path]]:
    """A server, a hub and a tiny model."""
    model = make_tiny_model(tmp_path_factory.mktemp("model"))
    files = {file.name: file.read_bytes() for file in model.iterdir()}
    prompts = "".join(json.dumps({"text": f"Question {i}?"}) + "\n" for i in range(30))
    served = [word for name in SERVED for word in ("--model", name)]
    with FakeHub() as hub, fake_server(*served) as url:
        for name in MODELS:
            hub.add("models", name, files)
        hub.add("datasets", DATASET, {"train.jsonl": prompts.encode()})
        yield url.split("/")[2], hub.endpoint, model


@pytest.fixture
def place(world: tuple[str, str, Path], tmp_path: Path) -> Place:
    server, hub, model = world
    place = Place(tmp_path / "reader", server, hub)
    place.prepare()
    for name in ("model-a", "model-b"):
        (place.folder / name).symlink_to(model)
    lines = [json.dumps({"text": f"Question {i}?", "question": f"Why {i}?"}) for i in range(5)]
    (place.folder / "prompts.jsonl").write_text("\n".join(lines) + "\n")
    (place.folder / "server.yaml").write_text(
        "backend: {type: vllm, model: a}\n"
        "scenario: {dataset_name: prompts.jsonl, load: {mode: closed}, slo: {ttft_ms: 1000}}\n"
    )
    hours = [int(time.time()) + 3600 * hour for hour in range(-2, 3)]
    (place.folder / "grid.csv").write_text(
        "timestamp,g_per_kwh\n" + "".join(f"{hour},56\n" for hour in hours)
    )
    for name, model in (("config", "a"), ("a", "a"), ("b", "b")):
        (place.folder / f"{name}.yaml").write_text(
            f"backend: {{type: vllm, model: {model}}}\n"
            "scenario: {dataset_name: prompts.jsonl, num_samples: 2}\n"
            "metrics: {idle_s: 0, warmup_prompts: 0}\n"
        )
    return place


# Documents that measure for a minute each: ./run_tests.sh slow follows them.
SLOW = {"docs/protocols.md", "docs/servers.md"}


def reason_not_to_run(block: Block) -> str | None:
    for (document, text), reason in NOT_RUN.items():
        if block.document == document and text in block.text:
            return reason
    return None


def check_bash(place: Place, block: Block) -> None:
    result = place.bash(commands(block))
    output = result.stdout + result.stderr
    assert result.returncode == 0, f"{block}\n{output}"
    assert "Traceback" not in output, f"{block}\n{output}"


def check_console(place: Place, block: Block) -> None:
    """Commands may fail here: messages of errors are shown too."""
    result = place.bash(commands(block), keep_going=True)
    output = result.stdout + result.stderr
    came = [line.strip() for line in output.splitlines()]
    for label in map(place.local, shown(block)):
        label = label.removesuffix(", partly estimated")  # what is measured is the machine's affair
        assert any(line.startswith(label) for line in came), f"{block}: {label!r} not in\n{output}"


def check_python(place: Place, block: Block) -> None:
    result = place.python(block.text)
    assert result.returncode == 0, f"{block}\n{result.stderr}"


def check_yaml(place: Place, block: Block) -> None:
    file = place.folder / "configs" / "from_document.yaml"
    file.write_text(place.local(block.text))
    result = place.run([str(BINARY), "validate", str(file)])
    assert result.returncode == 0, f"{block}\n{result.stderr}"


def check_json(place: Place, block: Block) -> None:
    json.loads(block.text)


def check_sql(place: Place, block: Block) -> None:
    place.bash(
        "aieb run config.yaml --trace sql.db && aieb report sql.db --format sqlite -o all.db"
    )
    with sqlite3.connect(place.folder / "all.db") as database:
        assert database.execute(block.text).fetchall(), block


CHECKS: dict[str, Any] = {
    "bash": check_bash,
    "console": check_console,
    "python": check_python,
    "yaml": check_yaml,
    "json": check_json,
    "sql": check_sql,
}


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else [])
        for name in documents()
        if name not in ELSEWHERE
    ],
)
def test_a_reader_can_follow(document: str, place: Place) -> None:
    for block in blocks(document):
        if block.language in CHECKS and not reason_not_to_run(block):
            CHECKS[block.language](place, block)


def all_blocks() -> list[Block]:
    return [block for document in documents() for block in blocks(document)]


def test_every_block_says_what_it_is() -> None:
    unknown = [str(b) for b in all_blocks() if b.language not in LANGUAGES]
    assert unknown == []


def test_commands_do_not_hide_in_text_blocks() -> None:
    """`text` holds output, pictures and synopses with optional [parts]; nothing to type."""
    typed = re.compile(r"^(\$ |\./|pip |docker |sudo )|^aieb [^\[\n]*$", re.MULTILINE)
    hidden = [str(b) for b in all_blocks() if b.language == "text" and typed.search(b.text)]
    assert hidden == []


def test_the_exceptions_are_still_needed() -> None:
    for (document, text), _reason in NOT_RUN.items():
        assert [b for b in blocks(document) if text in b.text], (document, text)
    typed = "\n".join(commands(b) for b in all_blocks())
    for program in STAND_INS:
        assert re.search(rf"(?m)^\s*{re.escape(program)}\b", typed), program
    for document, test in ELSEWHERE.items():
        assert Path(document).name in (ROOT / test).read_text()


def local_links() -> list[tuple[str, str]]:
    found = []
    for document in [*documents(), "CONTRIBUTING.md", "bench/README.md"]:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", (ROOT / document).read_text()):
            if "://" not in target:
                found.append((document, target))
    return found


def test_links_lead_somewhere() -> None:
    broken = [(d, t) for d, t in local_links() if not (ROOT / d).parent.joinpath(t).exists()]
    assert broken == []


def test_every_document_can_be_found_from_the_readme() -> None:
    linked = {target for document, target in local_links() if document == "README.md"}
    assert {d for d in documents() if d.startswith("docs/")} <= linked


def configurations() -> list[str]:
    return sorted(str(path.relative_to(ROOT)) for path in (ROOT / "configs").rglob("*.yaml"))


@pytest.mark.parametrize("file", configurations())
def test_every_configuration_is_valid_and_commented(file: str, place: Place) -> None:
    """Fragments too, which are used through a list `defaults:`."""
    path = Path(file)
    if len(path.parts) == 3:
        fragment = f"{path.parts[1]}/{path.stem}"
        checked = place.folder / "configs" / "uses_fragment.yaml"
        checked.write_text(f"defaults:\n  - {fragment}\n")
    else:
        checked = place.folder / file
    result = place.run([str(BINARY), "validate", str(checked)])
    assert result.returncode == 0, result.stderr
    text = (ROOT / file).read_text()
    assert text.startswith("# ")
    assert "TODO" not in text
    assert yaml.safe_load(text)
