"""CodeCarbon's figures from this package's own meters."""

from __future__ import annotations

from typing import Any

from ai_energy_benchmarks.metrics.base import MetricsCollector
from ai_energy_benchmarks.monitor import EnergyMonitor

__all__ = ["CodeCarbonCollector"]


class CodeCarbonCollector(MetricsCollector):
    """Energy and emissions between `start` and `stop`, in CodeCarbon's units and names.

    A benchmark has these figures in its results anyway; this class is for code of your own.
    """

    def __init__(
        self,
        project_name: str = "ai_energy_benchmarks",
        output_dir: str = "./emissions",
        country_iso_code: str = "USA",
        region: str | None = None,
        **_: Any,
    ) -> None:
        """Further arguments of the reference's class are accepted without effect."""
        self.project_name = project_name
        self.output_dir = output_dir
        self._monitor = EnergyMonitor(
            name=project_name, country_iso_code=country_iso_code, region=region
        )

    def start(self) -> None:
        """Begins to measure."""
        self._monitor.start()

    def stop(self) -> dict[str, Any]:
        """Ends it.

        Returns:
            energy_wh and energy_kwh (with gpu_, cpu_ and ram_ parts in Wh), emissions_g_co2eq,
            emissions_kg_co2eq, carbon_intensity_g_per_kwh and duration_seconds. Unknown is None.
        """
        results = self._monitor.stop()
        wh = {
            name: None if energy.value is None else energy.value / 3600
            for name, energy in results.energy.items()
        }
        grams = results["derived"]["emissions"]["value"]
        return {
            "energy_wh": wh["total"],
            "energy_kwh": _thousandth(wh["total"]),
            "gpu_energy_wh": wh["gpu"],
            "cpu_energy_wh": wh["cpu"],
            "ram_energy_wh": wh["dram"],
            "emissions_g_co2eq": grams,
            "emissions_kg_co2eq": _thousandth(grams),
            "carbon_intensity_g_per_kwh": self._monitor.carbon_intensity_g_per_kwh,
            "duration_seconds": self._monitor.duration_s,
        }


def _thousandth(value: float | None) -> float | None:
    return None if value is None else value / 1000
