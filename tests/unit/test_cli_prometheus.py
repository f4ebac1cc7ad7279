"""A real Prometheus between a made-up exporter and the real binary."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest
from cli_harness import fake_server
from exporter_harness import (
    FAST,
    assert_within,
    fake_exporter,
    run,
    true_energy_j,
    write_config,
)


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
