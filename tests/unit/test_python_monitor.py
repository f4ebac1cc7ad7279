"""EnergyMonitor and CodeCarbonCollector."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from python_harness import clean_environment

from ai_energy_benchmarks import EnergyMonitor, Results
from ai_energy_benchmarks.metrics.codecarbon import CodeCarbonCollector


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    clean_environment(monkeypatch, tmp_path)


def work(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def test_it_gives_joules_by_component_with_uncertainty_and_source() -> None:
    with EnergyMonitor() as monitor:
        work(0.5)
        assert monitor.power_w is None or monitor.power_w > 0
    assert set(monitor.energy) == {"gpu", "cpu", "dram", "node", "disk", "network", "total"}
    assert 0.5 <= monitor.duration_s < 2
    for energy in monitor.energy.values():
        assert energy.unit == "J"
        if energy.value is None:
            assert energy.reason
        else:
            assert energy.value > 0 and energy.uncertainty > 0
    known = [e.value for n, e in monitor.energy.items() if n in ("gpu", "cpu", "dram") and e.value]
    assert monitor.energy["total"].value == pytest.approx(sum(known))


def test_longer_work_takes_more() -> None:
    with EnergyMonitor() as short:
        work(0.3)
    with EnergyMonitor() as long:
        work(1.2)
    assert float(long.energy["total"]) > 2 * float(short.energy["total"])


def test_the_recording_can_be_kept_and_computed_again(tmp_path: Path) -> None:
    with EnergyMonitor("mine", trace=tmp_path / "m.db", idle_s=0.3) as monitor:
        work(0.3)
    again = Results.from_trace(tmp_path / "m.db")
    assert again.energy == monitor.energy
    assert again["energy_by_phase"]["idle"]["duration_s"] >= 0.3


def test_the_work_s_exception_passes_and_the_monitor_can_be_used_again() -> None:
    monitor = EnergyMonitor()
    with pytest.raises(KeyError), monitor:
        raise KeyError("work")
    assert monitor.duration_s >= 0
    with monitor:
        pass
    with pytest.raises(RuntimeError, match="not running"):
        monitor.stop()


def test_the_collector_speaks_codecarbons_units() -> None:
    collector = CodeCarbonCollector(project_name="p", country_iso_code="FRA")
    collector.start()
    work(0.3)
    values = collector.stop()
    assert values["energy_kwh"] == pytest.approx(values["energy_wh"] / 1000)
    assert values["emissions_g_co2eq"] == pytest.approx(
        values["energy_kwh"] * values["carbon_intensity_g_per_kwh"], rel=1e-6
    )
    assert values["duration_seconds"] >= 0.3
