"""What a metrics collector is. Derive from `MetricsCollector` for one of your own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

__all__ = ["MetricsCollector"]


class MetricsCollector(ABC):
    """Measures something beside the energy while the prompts are answered."""

    @abstractmethod
    def start(self) -> None:
        """Called right before the first measured prompt."""

    @abstractmethod
    def stop(self) -> dict[str, Any]:
        """Called right after the last one; returns what was measured."""
