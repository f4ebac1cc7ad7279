"""`reasoning_effort` low, medium or high, as gpt-oss takes it."""

from __future__ import annotations

from typing import ClassVar

from ai_energy_benchmarks.formatters.base import ReasoningFormatter

__all__ = ["HarmonyFormatter"]


class HarmonyFormatter(ReasoningFormatter):
    """`reasoning_effort` low, medium or high, as gpt-oss takes it."""

    format_type: ClassVar[str] = "harmony"
