"""Energy of a server on another host, through exporters of known truth, with the real binary."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from cli_harness import aieb, fake_server
from exporter_harness import (
    assert_within,
    fake_exporter,
    run,
    true_energy_j,
    write_config,
)

FAST = ("--ttft-ms", "5", "--itl-ms", "1")
UUID_1 = "GPU-00000001-aaaa-bbbb-cccc-dddddddddddd"


def measure(
    folder: Path, url: str, duration_s: float = 3, **source: Any
) -> tuple[dict[str, Any], str]:
    with fake_server(*FAST) as endpoint:
        write_config(folder, endpoint, [{"type": "dcgm", "url": url} | source], duration_s)
        return run(folder)


def warnings_of(results: dict[str, Any]) -> str:
    return "\n".join(results["warnings"])


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
    assert results["gpu_stats"]["gpu_0"]["utilization_percent"] == 87


@pytest.mark.parametrize("name", ["1", UUID_1])
def test_gpus_are_chosen_by_index_or_uuid(tmp_path: Path, name: str) -> None:
    with fake_exporter("--gpus", "2") as url:
        results, _ = measure(tmp_path, url, gpus=[name])
    assert_within(results["energy"]["gpu"], true_energy_j(results, 1), 0.12)


def test_an_exporter_without_the_named_gpu_is_refused(tmp_path: Path) -> None:
    with fake_exporter() as url:
        results, log = measure(tmp_path, url, 1, gpus=["GPU-elsewhere"])
    reason = results["energy"]["gpu"]["reason"]
    assert results["energy"]["gpu"]["value"] is None
    assert "has no GPU GPU-elsewhere" in reason and "GPU-00000000" in reason
    assert "url" in log, "what to change is said at once"


def test_power_is_integrated_where_there_is_no_counter(tmp_path: Path) -> None:
    with fake_exporter("--no-energy", "--update-s", "0.05") as url:
        results, _ = measure(tmp_path, url, 4, period_s=0.05)
    assert results["energy"]["gpu"]["source"] == "integrated-power"
    assert_within(results["energy"]["gpu"], true_energy_j(results, 0), 0.25)


def test_times_of_an_exporter_with_another_clock_are_put_right(tmp_path: Path) -> None:
    with fake_exporter("--timestamps", "--clock-offset-s", "-37.4") as url:
        results, _ = measure(tmp_path, url, 4)
    assert_within(results["energy"]["gpu"], true_energy_j(results, 0), 0.6)


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


# A real Prometheus


def prometheus() -> str:
    program = os.environ.get("AIEB_PROMETHEUS") or shutil.which("prometheus")
    if not program:
        pytest.skip("no Prometheus: apt-get install prometheus, or name it in AIEB_PROMETHEUS")
    return program


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for_samples(url: str) -> None:
    """Prometheus begins to scrape some seconds after it has started."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            query = url + "/api/v1/query?query=DCGM_FI_DEV_POWER_USAGE"
            with urllib.request.urlopen(query) as response:
                if json.load(response)["data"]["result"]:
                    return
        except OSError:
            pass
        time.sleep(0.1)
    pytest.fail("Prometheus did not begin to scrape")


def test_a_prometheus_server_gives_the_energy_it_has_scraped(tmp_path: Path) -> None:
    program = prometheus()
    with fake_exporter("--gpus", "2") as exporter, fake_server(*FAST) as endpoint:
        port = free_port()
        (tmp_path / "prometheus.yml").write_text(
            "scrape_configs:\n"
            "  - job_name: dcgm\n"
            "    scrape_interval: 200ms\n"
            "    scrape_timeout: 200ms\n"
            f"    static_configs: [{{targets: ['{exporter.removeprefix('http://')}']}}]\n"
        )
        command = [
            program,
            f"--config.file={tmp_path / 'prometheus.yml'}",
            f"--storage.tsdb.path={tmp_path / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
            try:
                url = f"http://127.0.0.1:{port}"
                wait_for_samples(url)
                source = {"type": "prometheus", "url": url, "labels": {"job": "dcgm"}}
                write_config(tmp_path, endpoint, [source], 4)
                results, _ = run(tmp_path)
                query = {"query": "sum(DCGM_FI_DEV_POWER_USAGE)", "component": "gpu", "unit": "W"}
                source = {"type": "prometheus", "url": url, "period_s": 0.2, "metrics": [query]}
                write_config(tmp_path, endpoint, [source], 4)
                summed, _ = run(tmp_path)
            finally:
                server.terminate()
    assert_within(results["energy"]["gpu"], true_energy_j(results, 0, 1), 0.2)
    assert results["energy"]["gpu"]["source"] == "measured-counter"
    assert_within(summed["energy"]["gpu"], true_energy_j(summed, 0, 1), 0.4)
