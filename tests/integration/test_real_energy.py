"""The joules of a real server's work, counted by an exporter, divided over the requests it answered."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from real_servers import RealServer, run, write_config

psutil = pytest.importorskip("psutil")

pytestmark = [pytest.mark.integration, pytest.mark.vllm, pytest.mark.servers]

IDLE_W = 5.0
CORE_W = 20.0


class WorkCounter:
    """Joules as a sensor at the server would count them: 20 W a busy core, 5 W always."""

    def __init__(self, pid: int) -> None:
        server = psutil.Process(pid)
        self._processes = [server, *server.children(recursive=True)]
        self._start_s = time.monotonic()
        self._start_cpu_s = self._cpu_s()
        self.read: list[tuple[float, float]] = []

    def _cpu_s(self) -> float:
        times = [process.cpu_times() for process in self._processes]
        return sum(t.user + t.system for t in times)

    def joules(self) -> float:
        elapsed_s = time.monotonic() - self._start_s
        joules = CORE_W * (self._cpu_s() - self._start_cpu_s) + IDLE_W * elapsed_s
        self.read.append((time.time(), joules))
        return joules

    def between(self, begin_s: float, end_s: float) -> float:
        """J from one wall time to another, between readings by straight lines."""
        return self._at(end_s) - self._at(begin_s)

    def _at(self, wall_s: float) -> float:
        after = next(i for i, (t, _) in enumerate(self.read) if t >= wall_s)
        (t0, j0), (t1, j1) = self.read[after - 1], self.read[after]
        return j0 + (j1 - j0) * (wall_s - t0) / (t1 - t0)


@contextmanager
def exporter_of(counter: WorkCounter) -> Iterator[str]:
    class Page(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            name = "server_energy_joules_total"
            page = f"# TYPE {name} counter\n{name} {counter.joules():.4f}\n".encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, format: str, *args: object) -> None:
            """Tests do not need a line a request."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()


def test_a_real_servers_joules_are_divided_over_its_requests(
    vllm: RealServer, tmp_path: Path
) -> None:
    counter = WorkCounter(vllm.pid)
    metric = {"metric": "server_energy_joules_total", "component": "cpu", "unit": "J"}
    with exporter_of(counter) as url:
        source = {"type": "prometheus_text", "url": url, "metrics": [metric], "update_s": 0}
        write_config(
            tmp_path,
            vllm,
            metrics={"idle_s": 2, "scope": "remote", "sources": [source]},
            num_samples=60,
            use_chat_template=False,
            synthetic={
                "input_tokens": {"mean": 100, "stdev": 80, "min": 8, "max": 250},
                "output_tokens": {"mean": 12, "stdev": 10, "min": 1, "max": 40},
            },
            load={"mode": "poisson", "request_rate": 1.5, "calibrate": False},
        )
        results = run(tmp_path)
    prompts = results["per_prompt_results"]
    energies_wh = [p["energy_wh"] for p in prompts]
    assert min(energies_wh) > 0
    assert all(p["energy_uncertainty_wh"] > 0 for p in prompts)
    total_wh = results["energy"]["total"]["value"] / 3600
    unattributed_wh = results["summary"]["unattributed_energy_wh"]
    assert sum(energies_wh) + unattributed_wh == pytest.approx(total_wh, rel=1e-9)

    measure = next(p for p in results["protocol"]["phases"] if p["kind"] == "measure")
    begin_s = results["started_wall_ns"] * 1e-9 + measure["start_s"]
    truth_j = counter.between(begin_s, begin_s + measure["duration_s"])
    total = results["energy"]["total"]
    # The sensor of the test has no gain error, which most of the stated uncertainty is.
    assert abs(total["value"] - truth_j) <= max(0.05 * truth_j, total["random"])

    # A token that is computed alone costs more than one of a prompt, which is computed together.
    division = results["energy_division"]
    assert division["method"] == "regression", division["reason"]
    assert division["per_output_token"]["value"] > division["per_prompt_token"]["value"] > 0
