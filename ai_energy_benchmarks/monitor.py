"""Joules of any piece of code."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

from ai_energy_benchmarks import _core
from ai_energy_benchmarks._log import core_logging
from ai_energy_benchmarks.config.parser import BenchmarkConfig
from ai_energy_benchmarks.results import Quantity, Results

__all__ = ["EnergyMonitor"]


class EnergyMonitor:
    """Measures this machine while code runs.

        with EnergyMonitor() as monitor:
            work()
        print(monitor.energy["total"])

    Every energy carries its uncertainty and source; what cannot be measured here is missing with a
    reason. All GPUs of the machine count.
    """

    def __init__(
        self,
        name: str = "monitor",
        *,
        idle_s: float = 0.0,
        trace: str | os.PathLike[str] | None = None,
        country_iso_code: str | None = None,
        region: str | None = None,
    ) -> None:
        """
        Args:
            name: Of the run in the trace.
            idle_s: Measure idle power for so long first; `active` energies then exist.
            trace: Keep the recording in this new file, for `aieb report`.
            country_iso_code: Where the electricity comes from.
            region: Of the country.
        """
        self._config = BenchmarkConfig()
        self._config.name = name
        self._config.metrics.idle_s = idle_s
        if country_iso_code is not None:
            self._config.metrics.country_iso_code = country_iso_code
            self._config.metrics.location_given = True
        self._config.metrics.region = region
        self._trace = None if trace is None else os.fspath(trace)
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._core: _core.EnergyMonitor | None = None
        self._results: Results | None = None

    def start(self) -> None:
        """Begins to measure."""
        if self._core is not None:
            raise RuntimeError("the monitor is running already")
        path = self._trace
        if path is None:
            self._folder = tempfile.TemporaryDirectory(prefix="aieb-")
            path = str(Path(self._folder.name) / "monitor.db")
        core = _core.EnergyMonitor(self._config.to_dict(), path)
        with core_logging():
            core.start()
        self._results = None
        self._core = core

    def stop(self) -> Results:
        """Ends it and computes the energies."""
        if self._core is None:
            raise RuntimeError("the monitor is not running")
        with core_logging():
            self._results = Results(self._core.stop())
        self._core = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None
        return self._results

    @property
    def power_w(self) -> float | None:
        """Power now: gpu + cpu + dram as far as known; None before the first reading."""
        return None if self._core is None else self._core.power_w()

    @property
    def results(self) -> Results:
        """The whole document; raises RuntimeError before the end."""
        if self._results is None:
            raise RuntimeError("there are no results before the monitor has stopped")
        return self._results

    @property
    def energy(self) -> dict[str, Quantity]:
        """Joules by component: total = gpu + cpu + dram; node, disk and network beside it."""
        return self.results.energy

    @property
    def emissions(self) -> Quantity:
        """Grams of CO2 equivalents."""
        return Quantity.from_dict(self.results["derived"]["emissions"])

    @property
    def duration_s(self) -> float:
        """Length of the measured window."""
        duration: float = self.results["energy_by_phase"]["measure"]["duration_s"]
        return duration

    @property
    def carbon_intensity_g_per_kwh(self) -> float | None:
        """Of the grid."""
        carbon: dict[str, Any] | None = self.results["carbon"]
        return None if carbon is None else carbon.get("g_per_kwh")

    def __enter__(self) -> EnergyMonitor:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
