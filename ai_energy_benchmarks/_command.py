"""The console script `aieb`: becomes the program that the package carries."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ai_energy_benchmarks import _core


def main() -> None:
    """Replaces this process by the program; it measures without Python."""
    program = Path(_core.__file__).parent / "aieb"
    os.execv(program, ["aieb", *sys.argv[1:]])
