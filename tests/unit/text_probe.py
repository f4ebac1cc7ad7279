"""Talks to the text_probe program, which exposes the bridge and hub rooms to these tests."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def find_probe() -> Path:
    folders = [Path(os.environ["AIEB_BUILD_DIR"])] if "AIEB_BUILD_DIR" in os.environ else []
    folders += [ROOT / "build" / preset for preset in ("dev", "asan")]
    for folder in folders:
        if (folder / "text_probe").exists():
            return folder / "text_probe"
    pytest.skip("text_probe is not built: cmake --build --preset dev --target text_probe")


class ProbeError(Exception):
    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Probe:
    """One process; every call is one operation."""

    def __init__(self, environment: dict[str, str] | None = None) -> None:
        self._process = subprocess.Popen(
            [find_probe()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        )

    def __enter__(self) -> Probe:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> str:
        """Ends the process and returns its log."""
        _, log = self._process.communicate()
        return log.decode()

    def __call__(self, op: str, **arguments: object) -> object:
        line = json.dumps({"op": op, **arguments}) + "\n"
        self._process.stdin.write(line.encode())
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, f"text_probe died: {self.close()}"
        answer = json.loads(answer)
        if "error" in answer:
            raise ProbeError(answer["error"], answer["exit_code"])
        return answer["ok"]
