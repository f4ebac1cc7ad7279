"""Runs the real binary for the command-line tests, with a clean environment."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def find_binary() -> Path:
    """The one that AIEB_BINARY names, else build/dev's, else that of the installed package."""
    if "AIEB_BINARY" in os.environ:
        return Path(os.environ["AIEB_BINARY"])
    built = ROOT / "build" / "dev" / "aieb"
    if not built.exists():
        with suppress(ImportError):  # the sources without their extension
            return Path(import_module("ai_energy_benchmarks._core").__file__ or "").parent / "aieb"
    return built


BINARY = find_binary()

# What the user's shell may hold must not change what these tests see.
VARIABLES = [
    "BENCHMARK_BACKEND", "BENCHMARK_MODEL", "VLLM_ENDPOINT", "NUM_SAMPLES", "MAX_NEW_TOKENS",
    "COUNTRY_ISO_CODE", "REGION", "OUTPUT_DIR", "RESULTS_FILE", "LOG_LEVEL", "CONFIG_FILE",
    "VLLM_TIMEOUT",
]  # fmt: skip


def environment(**variables: str) -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if k not in VARIABLES} | variables


def aieb(
    folder: Path, *words: str, limit_s: float = 120, **variables: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(BINARY), *words],
        cwd=folder,
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=limit_s,
        check=False,
    )


def start_aieb(folder: Path, *words: str, **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(BINARY), *words],
        cwd=folder,
        env=environment(**variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def silent_server() -> Iterator[str]:
    """host:port that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def assert_fails(result: subprocess.CompletedProcess[str], code: int, *parts: str) -> None:
    """An error is one message on stderr that begins with `error:` and holds all `parts`."""
    assert result.returncode == code, result.stderr
    assert result.stdout == ""
    assert "error: " in result.stderr
    for part in parts:
        assert part in result.stderr, result.stderr


@contextmanager
def fake_server(*options: str) -> Iterator[str]:
    """The endpoint of a server that speaks vLLM's dialect."""
    command = [sys.executable, str(ROOT / "tests" / "fakes" / "fake_vllm.py"), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
        finally:
            process.terminate()
