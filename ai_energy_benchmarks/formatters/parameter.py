"""A variable of the chat template such as `enable_thinking`."""

from __future__ import annotations

from typing import ClassVar

from ai_energy_benchmarks.formatters.base import ReasoningFormatter

__all__ = ["ParameterFormatter"]


class ParameterFormatter(ReasoningFormatter):
    """A variable of the chat template such as `enable_thinking`."""

    format_type: ClassVar[str] = "parameter"
