#!/usr/bin/env python3
"""An exporter of power and energy that are known functions of time, for tests.

Prints its port, serves until it is terminated or its parent dies. Standard library only.

    fake_exporter.py --gpus 2 --update-s 0.2           # as dcgm-exporter: values renewed every 0.2 s
    fake_exporter.py --fault reset@3                   # 3 s after the first request
    fake_exporter.py --fault 500@3:5 --timestamps --clock-offset-s 7

/metrics has DCGM's names; /energy_metrics is TensorRT-LLM's, /discover, /gpu/… and /cpu/… are the
zeus daemon's. `energy_j` here is the truth that tests compare with.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import math
import signal
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LOW_W = 120.0
HIGH_W = 480.0
PERIOD_S = 1.7  # of the square wave that every GPU draws, GPU g with 1/(g + 1) of it
DUTY = 0.6


def energy_j(gpu: int, begin_s: float, end_s: float) -> float:
    """What a GPU uses between two wall times."""

    def since_epoch(t: float) -> float:
        whole, part = divmod(t, PERIOD_S)
        high_s = whole * PERIOD_S * DUTY + min(part, PERIOD_S * DUTY)
        return HIGH_W * high_s + LOW_W * (t - high_s)

    # Differences of large numbers: keep them small.
    origin = math.floor(begin_s / PERIOD_S) * PERIOD_S
    return (since_epoch(end_s - origin) - since_epoch(begin_s - origin)) / (gpu + 1)


def power_w(gpu: int, t: float) -> float:
    """Momentary power; like a sensor's it is never quite the same twice."""
    noise_w = 0.01 * math.sin(997 * t)
    return (HIGH_W if t % PERIOD_S < PERIOD_S * DUTY else LOW_W) / (gpu + 1) + noise_w


def uuid_of(gpu: int) -> str:
    return f"GPU-0000000{gpu}-aaaa-bbbb-cccc-dddddddddddd"


class Exporter:
    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.born_s = time.time()
        self.first_request_s: float | None = None

    def age_s(self) -> float:
        """Since the first request, from which faults count."""
        now = time.time()
        if self.first_request_s is None:
            self.first_request_s = now
        return now - self.first_request_s

    def fault(self, kind: str) -> bool:
        for fault in self.options.fault:
            name, _, span = fault.partition("@")
            begin, _, end = span.partition(":")
            if name == kind and float(begin) <= self.age_s() < float(end or "inf"):
                return True
        return False

    def value_time(self) -> float:
        """When the values that are shown now were taken."""
        now = time.time()
        update = self.options.update_s
        return now if update <= 0 else math.floor(now / update) * update

    def counter_j(self, gpu: int, t: float) -> float:
        begin = self.born_s
        base = 123_456.0
        if self.fault("reset"):
            at = next(f for f in self.options.fault if f.startswith("reset"))
            assert self.first_request_s is not None
            begin = self.first_request_s + float(at.partition("@")[2].partition(":")[0])
            base = 0.0
        return base + (energy_j(gpu, begin, t) if t > begin else 0.0)

    def dcgm_page(self) -> str:
        t = self.value_time()
        stamp = (
            f" {round((t + self.options.clock_offset_s) * 1000)}" if self.options.timestamps else ""
        )
        rows: list[tuple[str, str, Any]] = [
            (
                "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION",
                "counter",
                lambda g: round(self.counter_j(g, t) * 1000),
            ),
            ("DCGM_FI_DEV_POWER_USAGE", "gauge", lambda g: f"{power_w(g, t):.6f}"),
            ("DCGM_FI_DEV_GPU_UTIL", "gauge", lambda g: 87 - g),
            ("DCGM_FI_DEV_FB_USED", "gauge", lambda g: 70_000),
        ]
        if self.options.no_energy:
            rows = rows[1:]
        lines = []
        for name, kind, value in rows:
            lines += [f"# HELP {name} See DCGM.", f"# TYPE {name} {kind}"]
            for gpu in range(self.options.gpus):
                labels = (
                    f'gpu="{gpu}",UUID="{uuid_of(gpu)}",device="nvidia{gpu}",'
                    f'modelName="NVIDIA H100 80GB HBM3",Hostname="{self.options.host}"'
                )
                # Every MIG instance repeats the values of its GPU.
                for mig in range(self.options.mig) if self.options.mig else (None,):
                    extra = "" if mig is None else f',GPU_I_ID="{mig}"'
                    lines.append(f"{name}{{{labels}{extra}}} {value(gpu)}{stamp}")
        return "\n".join(lines) + "\n"

    def custom_page(self) -> str:
        """Other units: a counter in kWh, a gauge in microwatts."""
        t = self.value_time()
        kwh = self.counter_j(0, t) / 3.6e6
        return (
            "# TYPE wall_energy_kilowatthours counter\n"
            f'wall_energy_kilowatthours{{outlet="A",room="1"}} {kwh!r}\n'
            f'wall_energy_kilowatthours{{outlet="B",room="2"}} 5\n'
            "# TYPE socket_power_microwatts gauge\n"
            f'socket_power_microwatts{{socket="0"}} {power_w(1, t) * 1e6!r}\n'
        )

    def json_page(self, path: str) -> Any:
        t = time.time()
        gpus = range(self.options.gpus)
        if path == "/energy_metrics":
            total = sum(self.counter_j(g, t) for g in gpus)
            return {"total_energy_j": round(total, 4), "query_time": time.perf_counter()}
        if path == "/discover":
            return {
                "gpus": [
                    {
                        "id": g,
                        "name": "NVIDIA H100",
                        "pci_address": "",
                        "cumulative_energy_available": True,
                    }
                    for g in gpus
                ],
                "cpus": [{"id": 0, "dram_available": True}],
                "enabled_api_groups": ["gpu-read", "cpu-read"],
                "auth_required": False,
            }
        if path == "/gpu/get_cumulative_energy":
            return {str(g): {"energy_mj": round(self.counter_j(g, t) * 1000)} for g in gpus}
        if path == "/cpu/get_cumulative_energy":
            cpu, dram = self.counter_j(2, t), self.counter_j(9, t)
            return {"0": {"cpu_energy_uj": round(cpu * 1e6), "dram_energy_uj": round(dram * 1e6)}}
        return None


def handler(exporter: Exporter) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def date_time_string(self, timestamp: float | None = None) -> str:
            return formatdate(time.time() + exporter.options.clock_offset_s, usegmt=True)

        def log_message(self, *arguments: object) -> None:
            pass

        def reply(self, status: int, body: str, kind: str) -> None:
            data = body.encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if exporter.fault("500"):
                return self.reply(500, "collecting failed\n", "text/plain")
            if exporter.fault("garbage"):
                return self.reply(200, "<html>not found</html>\n", "text/html")
            if exporter.fault("vanish"):
                self.close_connection = True
                return None
            if path == "/metrics":
                return self.reply(200, exporter.dcgm_page(), "text/plain; version=0.0.4")
            if path == "/custom":
                return self.reply(200, exporter.custom_page(), "text/plain; version=0.0.4")
            page = exporter.json_page(path)
            if page is None:
                return self.reply(404, "no such page\n", "text/plain")
            return self.reply(200, json.dumps(page), "application/json")

    return Handler


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--gpus", type=int, default=1)
    parser.add_argument("--host", default="node1")
    parser.add_argument("--update-s", type=float, default=0.1)
    parser.add_argument("--mig", type=int, default=0, help="instances of each GPU")
    parser.add_argument("--no-energy", action="store_true", help="power only")
    parser.add_argument("--timestamps", action="store_true")
    parser.add_argument("--clock-offset-s", type=float, default=0.0)
    parser.add_argument(
        "--fault", action="append", default=[], metavar="KIND@BEGIN[:END]",
        help="reset, 500, garbage or vanish, in seconds after the first request",
    )  # fmt: skip
    options = parser.parse_args()
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # end with the parent
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(Exporter(options)))
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
