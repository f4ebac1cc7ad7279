"""Reasoning formats: how a model's reasoning is switched on and off."""

from ai_energy_benchmarks.formatters.base import FormattedPrompt, ReasoningFormatter
from ai_energy_benchmarks.formatters.harmony import HarmonyFormatter
from ai_energy_benchmarks.formatters.parameter import ParameterFormatter
from ai_energy_benchmarks.formatters.prefix import PrefixFormatter
from ai_energy_benchmarks.formatters.registry import FormatterRegistry
from ai_energy_benchmarks.formatters.system_prompt import SystemPromptFormatter

__all__ = [
    "FormattedPrompt",
    "FormatterRegistry",
    "HarmonyFormatter",
    "ParameterFormatter",
    "PrefixFormatter",
    "ReasoningFormatter",
    "SystemPromptFormatter",
]
