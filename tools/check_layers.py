#!/usr/bin/env python3
"""Holds the arrows between the rooms of src/: a room may include only the rooms listed for it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

SRC = Path(__file__).resolve().parent.parent / "src"

# room -> rooms it may include (besides itself). Bottom to top.
ALLOWED: dict[str, set[str]] = {
    "core": set(),
    "config": {"core"},
    "hub": {"core"},
    "bridge": {"core"},
    "datasets": {"core", "config", "hub", "bridge"},
    "formatters": {"core", "config"},
    "trace": {"core"},
    "analysis": {"core"},
    "meters": {"core"},
    "http": {"core"},
    "carbon": {"core", "config", "http"},
    "exporters": {"core", "config", "meters", "http"},
    "mock": {"core"},
    "engine": {"core", "bridge"},
    "backends": {"core", "config", "hub", "bridge", "meters", "http", "engine"},
    "runner": {
        "core", "config", "carbon", "datasets", "formatters", "trace", "analysis", "meters",
        "http", "exporters", "mock", "backends",
    },
    "reporters": {"core", "config", "analysis", "runner"},
    "python": {
        "core", "config", "carbon", "datasets", "formatters", "trace", "analysis", "meters",
        "backends", "runner", "reporters",
    },
    "cli": {
        "core", "config", "carbon", "hub", "datasets", "formatters", "trace", "analysis", "meters",
        "http", "exporters", "backends", "runner", "reporters",
    },
}  # fmt: skip

INCLUDE = re.compile(r'^\s*#include "([a-z_]+)/', re.MULTILINE)


def violations() -> list[str]:
    found = []
    for path in sorted(SRC.rglob("*")):
        if path.suffix not in {".h", ".cpp", ".cu", ".cuh"}:
            continue
        room = path.relative_to(SRC).parts[0]
        for target in INCLUDE.findall(path.read_text(encoding="utf-8")):
            if target in ALLOWED and target != room and target not in ALLOWED[room]:
                found.append(f"{path.relative_to(SRC.parent)}: {room} must not include {target}/")
    return found


def main() -> int:
    found = violations()
    print("\n".join(found) or "layers: every include points the allowed way")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
