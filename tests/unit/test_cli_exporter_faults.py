"""Exporters that fail, lie still or measure something else, with the real binary."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from exporter_harness import assert_within, fake_exporter, measure, true_energy_j, warnings_of


def test_an_exporter_without_the_named_gpu_is_refused(tmp_path: Path) -> None:
    with fake_exporter() as url:
        results, log = measure(tmp_path, url, 1, gpus=["GPU-elsewhere"])
    reason = results["energy"]["gpu"]["reason"]
    assert results["energy"]["gpu"]["value"] is None
    assert "has no GPU GPU-elsewhere" in reason and "GPU-00000000" in reason
    assert "url" in log, "what to change is said at once"


@pytest.mark.parametrize(
    ("fault", "said"),
    [("reset@2.2", "reset or jumped"), ("500@2:3", ""), ("garbage@2:2.6", "")],
)
def test_faults_in_the_middle_are_bridged(tmp_path: Path, fault: str, said: str) -> None:
    with fake_exporter("--fault", fault) as url:
        results, _ = measure(tmp_path, url, 4)
    assert_within(results["energy"]["gpu"], true_energy_j(results, 0), 0.6)
    assert said in warnings_of(results)


def test_an_exporter_that_vanishes_leaves_the_energy_unknown(tmp_path: Path) -> None:
    with fake_exporter("--fault", "vanish@1.5") as url:
        results, _ = measure(tmp_path, url, 3)
    assert results["energy"]["gpu"]["value"] is None
    assert "was read during only" in results["energy"]["gpu"]["reason"]


def test_new_values_that_come_too_seldom_are_refused(tmp_path: Path) -> None:
    with fake_exporter("--update-s", "1") as url:
        results, _ = measure(tmp_path, url, 3)
    reason = results["energy"]["gpu"]["reason"]
    assert results["energy"]["gpu"]["value"] is None
    assert "DCGM_EXPORTER_INTERVAL" in reason, reason


def test_an_exporter_that_is_not_there_costs_the_energy_but_not_the_run(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        results, log = measure(tmp_path, url, 1)
    assert results["summary"]["successful_prompts"] > 0
    assert "cannot be read" in results["energy"]["gpu"]["reason"]
    assert "start dcgm-exporter" in log
