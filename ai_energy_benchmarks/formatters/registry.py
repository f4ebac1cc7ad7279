"""Which reasoning format a model has."""

from __future__ import annotations

import os

from ai_energy_benchmarks import _core
from ai_energy_benchmarks.formatters.base import ReasoningFormatter
from ai_energy_benchmarks.formatters.harmony import HarmonyFormatter
from ai_energy_benchmarks.formatters.parameter import ParameterFormatter
from ai_energy_benchmarks.formatters.prefix import PrefixFormatter
from ai_energy_benchmarks.formatters.system_prompt import SystemPromptFormatter

__all__ = ["FormatterRegistry"]

_CLASSES: dict[str, type[ReasoningFormatter]] = {
    kind.format_type: kind
    for kind in (
        HarmonyFormatter,
        ParameterFormatter,
        PrefixFormatter,
        SystemPromptFormatter,
        ReasoningFormatter,
    )
}


class FormatterRegistry:
    """The formats of reasoning_formats.yaml. Adding a model there needs no code."""

    def __init__(self, config_path: str | os.PathLike[str] | None = None) -> None:
        """
        Args:
            config_path: Another registry file; None: AIEB_REASONING_FORMATS, else the package's.

        Raises:
            ConfigError: The file cannot be read or is not valid.
        """
        self._core = _core.FormatterRegistry.load(
            "" if config_path is None else os.fspath(config_path)
        )

    def get_formatter(self, model_name: str) -> ReasoningFormatter | None:
        """The formatter of a model: by exact name, then by the longest pattern; None: it has none."""
        fields = self._core.find(model_name)
        if fields is None:
            return None
        return _CLASSES[fields["type"]].of_registry(self._core, model_name)

    def detect_model_type(self, model_name: str) -> str | None:
        """The family of a model, e.g. `gpt-oss`."""
        fields = self._core.find(model_name)
        return None if fields is None else str(fields["family"])

    def families(self) -> list[str]:
        """All families, as the file orders them."""
        return self._core.families()
