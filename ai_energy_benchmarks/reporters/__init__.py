"""Reporters by the names that `reporter.type` takes. Formats of the core need no entry."""

from __future__ import annotations

from typing import Any

from ai_energy_benchmarks.reporters.base import Reporter
from ai_energy_benchmarks.reporters.csv_reporter import CSVReporter

__all__ = ["REPORTER_REGISTRY", "CSVReporter", "Reporter"]

#: Add a class here to use it as `reporter.type`. It is made with the output file and needs a method
#: `report(results)`; it wins over a format of the core with the same name.
REPORTER_REGISTRY: dict[str, type[Any]] = {"csv": CSVReporter}
