"""Metrics collectors by the names that `metrics.type` and `metrics.collectors` take."""

from __future__ import annotations

from typing import Any

from ai_energy_benchmarks.metrics.base import MetricsCollector
from ai_energy_benchmarks.metrics.codecarbon import CodeCarbonCollector

__all__ = ["METRICS_REGISTRY", "CodeCarbonCollector", "MetricsCollector"]

#: Add a class here to use it. It needs methods `start()` and `stop()`.
METRICS_REGISTRY: dict[str, type[Any]] = {"codecarbon": CodeCarbonCollector}
