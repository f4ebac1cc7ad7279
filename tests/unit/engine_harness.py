"""Drives build/<preset>/engine_probe; shared by the engine's tests.

AIEB_TEST_DEVICE=cuda runs the engine's side of every comparison on the GPU.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def probe_path() -> Path:
    """The newest built probe, or the one that AIEB_ENGINE_PROBE names."""
    named = os.environ.get("AIEB_ENGINE_PROBE")
    if named:
        return Path(named)
    built = sorted(ROOT.glob("build/*/engine_probe"), key=lambda path: path.stat().st_mtime)
    if not built:
        pytest.skip("engine_probe is not built (cmake --build --preset dev --target engine_probe)")
    return built[-1]


def seed() -> int:
    """The seed of this run's random shapes: AIEB_TEST_SEED, else a new one each run."""
    value = int(os.environ.get("AIEB_TEST_SEED", int.from_bytes(os.urandom(4), "little")))
    print(f"AIEB_TEST_SEED={value}")
    return value


class Probe:
    """One engine_probe process over one model."""

    def __init__(self, model: Path | str, *arguments: str, threads: int = 1):
        self.model = model
        # One thread by default: for tiny matrices it is faster than two that wait for each other.
        arguments += tuple(os.environ.get("AIEB_TEST_DEVICE", "").split())
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
        self.process = subprocess.Popen(
            [str(probe_path()), str(model), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def ask(self, **request) -> dict:
        assert self.process.stdin and self.process.stdout
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            self.process.wait()
            raise AssertionError(f"engine_probe failed: {self.process.stderr.read()}")
        return json.loads(line)

    def __enter__(self) -> Probe:
        return self

    def __exit__(self, *_) -> None:
        self.process.stdin.close()
        self.process.wait(timeout=60)


def fails_with(model: Path, *arguments: str) -> tuple[int, str]:
    """Exit code and message of a probe that cannot load its model."""
    done = subprocess.run(
        [str(probe_path()), str(model), *arguments], input="", capture_output=True, text=True
    )
    return done.returncode, done.stderr
