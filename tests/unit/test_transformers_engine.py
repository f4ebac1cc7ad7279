"""backend.engine: transformers, with a worker that needs no packages: what goes wrong, and how."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from cli_harness import BINARY, ROOT, aieb, assert_fails, environment

FAKE = ROOT / "tests" / "fakes" / "fake_transformers_worker.py"
PROMPTS = 4


def arguments(*more: str) -> list[str]:
    return [
        "run", "config.yaml", "backend.type=pytorch", "backend.engine=transformers",
        "backend.model=org/model", "backend.device=cpu", "scenario.dataset_name=prompts.jsonl",
        f"scenario.num_samples={PROMPTS}", "scenario.generate_kwargs={max_new_tokens: 5}",
        "metrics.idle_s=0", "metrics.warmup_prompts=0", "--json", "results.json", *more,
    ]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lines = [json.dumps({"text": f"Question {i}?"}) for i in range(PROMPTS)]
    (tmp_path / "prompts.jsonl").write_text("\n".join(lines) + "\n")
    (tmp_path / "config.yaml").write_text("name: transformers_test\n")
    return tmp_path


def run(folder: Path, *more: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return aieb(folder, *arguments(*more), **{"AIEB_PYTHON": str(FAKE), **variables})


def results(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "results.json").read_text())


def test_events_of_the_worker_become_the_trace(folder: Path) -> None:
    done = run(folder, "scenario.batch_size=2")
    assert done.returncode == 0, done.stderr
    document = results(folder)
    engine = document["environment"]["engine"]
    assert engine["engine"] == "transformers"
    assert engine["details"]["versions"]["transformers"] == "5.23.0"
    assert document["summary"]["successful_prompts"] == PROMPTS
    assert document["summary"]["output_tokens"] == 5 * PROMPTS
    for prompt in document["per_prompt_results"]:
        assert prompt["token_ids"] == [1, 2, 3, 4, 5]
        assert prompt["prompt_tokens"] == 4 and prompt["finish_reason"] == "length"
        assert 0 < prompt["ttft_s"] < prompt["latency_s"]


def test_a_worker_that_dies_leaves_what_was_answered(folder: Path) -> None:
    done = run(folder, AIEB_FAKE_WORKER="die")
    assert done.returncode == 3, done.stderr
    assert "killed by signal 9" in done.stderr and "the roof is on fire" in done.stderr
    prompts = results(folder)["per_prompt_results"]
    assert "killed by signal 9" in prompts[0]["error"]
    assert [p["success"] for p in prompts] == [False] * len(prompts)


def test_out_of_memory_is_an_answer_with_remedies(folder: Path) -> None:
    done = run(folder, AIEB_FAKE_WORKER="out_of_memory")
    assert done.returncode == 1, done.stderr
    error = results(folder)["per_prompt_results"][0]["error"]
    for part in ("2 GiB", "torch_dtype", "load_in_4bit", "device_map", "batch_size"):
        assert part in error


def test_an_answer_that_takes_too_long_has_failed(folder: Path) -> None:
    done = run(folder, "scenario.timeouts.total_s=0.2", AIEB_FAKE_WORKER="hang")
    assert done.returncode == 1, done.stderr
    errors = {p["error"] for p in results(folder)["per_prompt_results"]}
    assert errors == {"not finished within scenario.timeouts.total_s"}


def test_a_missing_package_is_named_with_the_command(folder: Path) -> None:
    done = run(folder, AIEB_FAKE_WORKER="transformers")
    assert_fails(done, 3, "lacks transformers", f"{FAKE} -m pip install transformers")
    done = run(folder, "backend.device_map=auto", AIEB_FAKE_WORKER="accelerate")
    assert_fails(done, 3, "-m pip install accelerate")
    done = run(folder, "backend.load_in_4bit=true")
    assert_fails(done, 3, "-m pip install bitsandbytes")


@pytest.mark.parametrize("program", ["/bin/false", "/bin/cat", "/nowhere/python"])
def test_what_is_no_interpreter_is_said(folder: Path, program: str) -> None:
    assert_fails(run(folder, AIEB_PYTHON=program), 3, program)


def test_an_interpreter_without_packages_names_them_all(folder: Path) -> None:
    bare = folder / "python"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S "$@"\n')
    bare.chmod(0o755)
    assert_fails(run(folder, AIEB_PYTHON=str(bare)), 3, "lacks torch transformers", "pip install")


def test_the_worker_is_told_what_the_configuration_says(folder: Path) -> None:
    done = run(
        folder, "backend.device_map={model: cpu, lm_head: disk}", "backend.max_memory={cpu: 1GB}",
        "backend.torch_dtype=bfloat16", "backend.pad_token_id=7", "backend.threads=3",
        "backend.trust_remote_code=true", "backend.revision=abc",
        AIEB_FAKE_LOG=str(folder / "log"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    load = json.loads((folder / "log").read_text())
    assert load["device_map"] == {"model": "cpu", "lm_head": "disk"}
    assert load["max_memory"] == {"cpu": "1GB"}
    assert (load["model"], load["revision"], load["dtype"]) == ("org/model", "abc", "bfloat16")
    assert (load["pad_token_id"], load["threads"], load["trust_remote_code"]) == (7, 3, True)
    assert (load["device"], load["visible"]) == ("cpu", "")


def test_custom_code_chooses_this_engine_and_says_so(folder: Path) -> None:
    done = run(folder, "backend.engine=auto", "backend.trust_remote_code=true")
    assert done.returncode == 0, done.stderr
    engine = results(folder)["environment"]["engine"]
    assert engine["engine"] == "transformers"
    assert "trust_remote_code" in engine["details"]["notices"][0]


def children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(child) for child in (task / "children").read_text().split()]
    return found


@pytest.mark.parametrize("behaviour", ["", "hang"])
def test_ctrl_c_keeps_what_was_answered_and_ends_the_worker(folder: Path, behaviour: str) -> None:
    words = arguments("scenario.generate_kwargs={max_new_tokens: 100000}")
    variables = {"AIEB_PYTHON": str(FAKE), "AIEB_FAKE_WORKER": behaviour}
    with subprocess.Popen(
        [str(BINARY), *words], cwd=folder, env=environment(**variables), start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        worker = None
        for _ in range(400):
            time.sleep(0.05)
            worker = worker or next(iter(children(process.pid)), None)
            if worker and list(folder.glob("benchmark_output/runs/*.db")):
                break
        time.sleep(0.5)
        if worker is None:
            process.kill()
        assert worker is not None
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 130, errors
    assert not Path(f"/proc/{worker}").exists()
    prompts = results(folder)["per_prompt_results"]
    assert len(prompts) == 1 and prompts[0]["completion_tokens"] >= 3
