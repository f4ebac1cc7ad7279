"""Energy of a server on another host, through exporters of known truth, with the real binary."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_harness import aieb, fake_server
from exporter_harness import (
    FAST,
    assert_within,
    fake_exporter,
    measure,
    run,
    true_energy_j,
    warnings_of,
    write_config,
)

UUID_1 = "GPU-00000001-aaaa-bbbb-cccc-dddddddddddd"


def test_dcgm_gives_the_energy_of_all_gpus_within_its_uncertainty(tmp_path: Path) -> None:
    with fake_exporter("--gpus", "2", "--mig", "2") as url:
        results, _ = measure(tmp_path, url)
    assert_within(results["energy"]["gpu"], true_energy_j(results, 0, 1), 0.12)
    assert results["energy"]["gpu"]["source"] == "measured-counter"
    assert results["environment"]["energy_scope"]["scope"] == "remote"
    assert results["energy"]["cpu"]["value"] is None
    assert "metrics.sources" in results["energy"]["cpu"]["reason"]
    assert "has 2 GPUs" in warnings_of(results), "nobody said which of them the server uses"
    assert set(results["gpu_stats"]) == {"gpu_0", "gpu_1"}
    assert results["gpu_stats"]["gpu_0"]["utilization_percent"] == pytest.approx(87)


@pytest.mark.parametrize("name", ["1", UUID_1])
def test_gpus_are_chosen_by_index_or_uuid(tmp_path: Path, name: str) -> None:
    with fake_exporter("--gpus", "2") as url:
        results, _ = measure(tmp_path, url, gpus=[name])
    assert_within(results["energy"]["gpu"], true_energy_j(results, 1), 0.12)


def test_power_is_integrated_where_there_is_no_counter(tmp_path: Path) -> None:
    with fake_exporter("--no-energy", "--update-s", "0.05") as url:
        results, _ = measure(tmp_path, url, 4, period_s=0.05)
    assert results["energy"]["gpu"]["source"] == "integrated-power"
    assert_within(results["energy"]["gpu"], true_energy_j(results, 0), 0.25)


def test_times_of_an_exporter_with_another_clock_are_put_right(tmp_path: Path) -> None:
    with fake_exporter("--timestamps", "--clock-offset-s", "-37.4") as url:
        results, _ = measure(tmp_path, url, 4)
    assert_within(results["energy"]["gpu"], true_energy_j(results, 0), 0.6)


def test_without_sources_the_lines_to_add_are_shown(tmp_path: Path) -> None:
    with fake_server(*FAST) as endpoint:
        write_config(tmp_path, endpoint, [], 0.5)
        _, log = run(tmp_path)
    assert '- {type: dcgm, url: "http://127.0.0.1:9400"}' in log


def test_tensorrt_llm_and_zeus_tell_their_energy(tmp_path: Path) -> None:
    with fake_exporter("--gpus", "2") as url, fake_server(*FAST) as endpoint:
        write_config(tmp_path, endpoint, [{"type": "tensorrt_llm", "url": url}], 2.5)
        results, _ = run(tmp_path)
        assert_within(results["energy"]["gpu"], true_energy_j(results, 0, 1), 0.12)
        write_config(tmp_path, endpoint, [{"type": "zeus", "url": url, "gpus": [1]}], 2.5)
        results, _ = run(tmp_path)
    assert_within(results["energy"]["gpu"], true_energy_j(results, 1), 0.12)
    assert_within(results["energy"]["cpu"], true_energy_j(results, 2), 0.12)
    assert_within(results["energy"]["dram"], true_energy_j(results, 9), 0.3)
    assert results["energy"]["total"]["reason"] in (None, ""), "all components are known"


def test_any_exporter_is_read_by_a_mapping(tmp_path: Path) -> None:
    wall = {"metric": "wall_energy_kilowatthours", "component": "node", "unit": "kWh"}
    socket_power = {"metric": "socket_power_microwatts", "component": "cpu", "unit": "uW"}
    with fake_exporter("--update-s", "0") as url, fake_server(*FAST) as endpoint:
        source = {
            "type": "prometheus_text",
            "url": url + "/custom",
            "period_s": 0.05,
            "update_s": 0,
            "metrics": [wall | {"labels": {"outlet": "A"}}, socket_power],
        }
        write_config(tmp_path, endpoint, [source], 3)
        results, _ = run(tmp_path)
    assert_within(results["energy"]["node"], true_energy_j(results, 0), 0.25)
    assert_within(results["energy"]["cpu"], true_energy_j(results, 1), 0.2)


def test_validate_and_doctor_say_what_a_source_offers(tmp_path: Path) -> None:
    with fake_exporter("--gpus", "2") as url:
        write_config(tmp_path, "http://127.0.0.1:1/v1", [{"type": "dcgm", "url": url}], 1)
        valid = aieb(tmp_path, "validate", "config.json")
        doctor = aieb(tmp_path, "doctor", "config.json")
    assert valid.returncode == 0, valid.stderr
    assert "source dcgm: ok" in valid.stdout and "2 gpu: 0 (NVIDIA H100" in valid.stdout
    assert "a new value every 0.1" in valid.stdout
    assert "source dcgm" in doctor.stdout
    gone = aieb(tmp_path, "validate", "config.json")
    assert gone.returncode == 3
    assert "fail" in gone.stdout and "start dcgm-exporter" in gone.stdout


def test_a_wrong_source_is_an_error_before_anything_runs(tmp_path: Path) -> None:
    write_config(tmp_path, "http://127.0.0.1:1/v1", [{"type": "dcmg", "url": "x:1"}], 1)
    result = aieb(tmp_path, "run", "config.json")
    assert result.returncode == 2
    assert "metrics.sources[0].type is 'dcmg'" in result.stderr
