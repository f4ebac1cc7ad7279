"""The answer is made to begin with a tag such as `<think>`."""

from __future__ import annotations

from typing import ClassVar

from ai_energy_benchmarks.formatters.base import ReasoningFormatter

__all__ = ["PrefixFormatter"]


class PrefixFormatter(ReasoningFormatter):
    """The answer is made to begin with a tag such as `<think>`."""

    format_type: ClassVar[str] = "prefix"
