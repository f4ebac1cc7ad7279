"""Finds the Python package that is tested: AIEB_PYTHON_TREE, an installed one, or build/dev's.
Sees to it that the tests can press Ctrl-C, and that slow ones run only when they are asked for."""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "unit"))  # the harnesses


def _installed() -> bool:
    spec = importlib.util.find_spec("ai_energy_benchmarks")
    return spec is not None and spec.origin is not None and ROOT not in Path(spec.origin).parents


TREE = Path(os.environ.get("AIEB_PYTHON_TREE", ROOT / "build" / "dev" / "python"))
if "AIEB_PYTHON_TREE" in os.environ or (not _installed() and TREE.is_dir()):
    sys.path.insert(0, str(TREE))

# A shell that starts the tests in the background makes them, and what they start, ignore Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A plain `pytest` takes minutes: `-m slow`, or a test's own name, runs what takes longer."""
    if "slow" in config.option.markexpr or any("::" in word for word in config.args):
        return
    skip = pytest.mark.skip(reason="takes longer than the default set may: pytest -m slow")
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(skip)
