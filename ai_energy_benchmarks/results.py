"""What a benchmark returns."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ai_energy_benchmarks import _core
from ai_energy_benchmarks._log import core_logging
from ai_energy_benchmarks.errors import ConfigError

if TYPE_CHECKING:
    import pandas

__all__ = ["Quantity", "Results"]


@dataclass(frozen=True)
class Quantity:
    """A measured value with its expanded uncertainty (k = 2, 95 %).

    Attributes:
        value: In `unit`; None when it is not known, and then `reason` says why.
        uncertainty: The two parts below in quadrature.
        systematic: Fully correlated between windows of one sensor.
        random: Independent from window to window.
        source: measured-counter, integrated-power, estimated, partial, missing or disabled.
    """

    value: float | None
    uncertainty: float | None
    systematic: float | None
    random: float | None
    unit: str
    source: str
    reason: str | None

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Quantity:
        """From its form in the results document (docs/results.md)."""
        return cls(**{name: document.get(name) for name in cls.__dataclass_fields__})  # type: ignore[arg-type]

    def __float__(self) -> float:
        if self.value is None:
            raise ValueError(f"not known: {self.reason or self.source}")
        return self.value

    def __str__(self) -> str:
        if self.value is None:
            return f"unknown ({self.reason or self.source})"
        return f"{self.value:.4g} ± {self.uncertainty:.2g} {self.unit}"


class Results(dict[str, Any]):
    """The results document (docs/results.md) as a dictionary. Unknown is None, never 0.

    Attributes:
        exit_code: What the command line would exit with: 0 all prompts answered, 1 some failed, …
        error: Why the measurement ended early; empty when it did not.
    """

    def __init__(self, document: Mapping[str, Any], exit_code: int = 0, error: str = "") -> None:
        super().__init__(document)
        self.exit_code = exit_code
        self.error = error

    @classmethod
    def from_trace(cls, path: str | os.PathLike[str]) -> Results:
        """Computes the results of a stored run again."""
        with core_logging():
            return cls(_core.analyze_trace(os.fspath(path)))

    @property
    def summary(self) -> dict[str, Any]:
        """The headline numbers: results['summary']."""
        summary: dict[str, Any] = self["summary"]
        return summary

    @property
    def energy(self) -> dict[str, Quantity]:
        """Gross energy of the measured phase: total = gpu + cpu + dram; node, disk, network beside it."""
        return {name: Quantity.from_dict(value) for name, value in self["energy"].items()}

    def to_dataframe(self, table: str = "prompts") -> pandas.DataFrame:
        """A pandas data frame: one row a prompt, or with `summary` one row for the run."""
        import pandas as pd

        if table == "prompts":
            return pd.DataFrame(self["per_prompt_results"])
        if table == "summary":
            return pd.json_normalize(self.summary, sep="_")
        raise ValueError(f"unknown table '{table}'; use 'prompts' or 'summary'")

    def to_format(self, name: str) -> str:
        """The report in any of the core's text formats, e.g. `markdown`, `csv`, `jsonl`.

        Raises:
            ConfigError: There is no such format, or it is no text (`sqlite`).
        """
        if name == "sqlite":
            raise ConfigError(
                "sqlite is a database, not text: name it in `reporter`, or write it from the trace "
                "with `aieb report TRACE --format sqlite --output FILE`"
            )
        return _core.serialize(dict(self), name).decode()

    def __str__(self) -> str:
        return _core.terminal_text(dict(self))
