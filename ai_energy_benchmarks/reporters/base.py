"""What a reporter is. Derive from `Reporter` for a format of your own (docs/extending.md)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

__all__ = ["Reporter"]


class Reporter(ABC):
    """Writes results to a file. Its folder is made."""

    def __init__(self, output_file: str | Path) -> None:
        self.output_file = Path(output_file)
        self.output_file.parent.mkdir(parents=True, exist_ok=True)

    @abstractmethod
    def report(self, results: dict[str, Any]) -> None:
        """Writes the results document (docs/results.md)."""

    def validate(self) -> bool:
        """Whether the file can be written."""
        from ai_energy_benchmarks import _core
        from ai_energy_benchmarks.errors import SetupError

        try:
            _core.require_writable(str(self.output_file))
        except SetupError:
            return False
        return True
