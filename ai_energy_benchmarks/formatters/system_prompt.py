"""A flag such as `/think` in the system prompt."""

from __future__ import annotations

from typing import ClassVar

from ai_energy_benchmarks.formatters.base import ReasoningFormatter

__all__ = ["SystemPromptFormatter"]


class SystemPromptFormatter(ReasoningFormatter):
    """A flag such as `/think` in the system prompt."""

    format_type: ClassVar[str] = "system_prompt"
