"""Configurations: read, changed by attribute, checked."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ai_energy_benchmarks import _core
from ai_energy_benchmarks._log import LOGGER, core_logging
from ai_energy_benchmarks.config import schema
from ai_energy_benchmarks.config.schema import (
    BackendConfig,
    MetricsConfig,
    ReporterConfig,
    ScenarioConfig,
)
from ai_energy_benchmarks.reporters import REPORTER_REGISTRY

__all__ = [
    "REPORTER_REGISTRY",
    "BackendConfig",
    "BenchmarkConfig",
    "ConfigParser",
    "MetricsConfig",
    "ReporterConfig",
    "ScenarioConfig",
]


class BenchmarkConfig(schema.BenchmarkConfig):
    """A whole configuration. New ones hold the defaults; docs/config.md lists every key."""

    @property
    def reporter(self) -> ReporterConfig:
        """The first reporter; all of them are in `reporters`."""
        return self.reporters[0]

    @reporter.setter
    def reporter(self, value: ReporterConfig | Mapping[str, Any] | list[Any]) -> None:
        entries = value if isinstance(value, list) else [value]
        self.reporters = [
            entry if isinstance(entry, ReporterConfig) else ReporterConfig.from_dict(entry)
            for entry in entries
        ]

    def to_dict(self) -> dict[str, Any]:
        """The configuration as a file would hold it."""
        values = super().to_dict()
        values["reporter"] = values.pop("reporters")
        return values


class ConfigParser:
    """Reads and checks configurations."""

    @staticmethod
    def load_config(config_path: str | os.PathLike[str]) -> BenchmarkConfig:
        """Reads a YAML or JSON file; environment variables such as NUM_SAMPLES apply.

        Raises:
            FileNotFoundError: There is no such file.
            ConfigError: (a ValueError) With every problem, its file and line.
        """
        return ConfigParser.load_config_with_overrides(config_path, {})

    @staticmethod
    def load_config_with_overrides(
        config_path: str | os.PathLike[str], overrides: Mapping[str, Any] | None = None
    ) -> BenchmarkConfig:
        """The same, then changed by `overrides`: nested as in a file, or with dotted keys."""
        path = Path(config_path)
        if not path.exists():
            raise FileNotFoundError(f"Configuration file not found: {path}")
        words = [f"{key}={json.dumps(v, ensure_ascii=False)}" for key, v in _flat(overrides or {})]
        with core_logging():
            values, warnings = _core.load_config(os.fspath(path), words, True, False)
        for warning in warnings:
            if not _names_registered_class(warning, values):
                LOGGER.warning("%s", warning)
        return BenchmarkConfig.from_dict(values)

    @staticmethod
    def validate_config(config: BenchmarkConfig) -> bool:
        """True; what is wrong raises a ConfigError (a ValueError) with every problem."""
        _core.check_config(config.to_dict())
        return True


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys and values; mappings below an option stay whole."""
    for name, value in values.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping) and _core.is_config_section(key):
            yield from _flat(value, f"{key}.")
        else:
            yield key, value


def _names_registered_class(warning: str, values: Mapping[str, Any]) -> bool:
    """Whether a warning about an unknown type is about a class that was registered."""
    from ai_energy_benchmarks.backends import BACKEND_REGISTRY
    from ai_energy_benchmarks.metrics import METRICS_REGISTRY

    reporters = [entry["type"] for entry in values["reporter"]]
    registered = {
        "'backend.type'": values["backend"]["type"] in BACKEND_REGISTRY,
        "'metrics.type'": values["metrics"]["type"] in METRICS_REGISTRY,
        "'reporter.type'": all(
            name in REPORTER_REGISTRY or name in _core.reporter_names() for name in reporters
        ),
    }
    return "needs a plug-in" in warning and any(
        known and key in warning for key, known in registered.items()
    )
