"""Writes traces with GPUs, CPUs and prompts of any number, without a run. Format: docs/trace.md."""

from __future__ import annotations

import json
import math
import random
import sqlite3
from contextlib import closing
from pathlib import Path

SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE clock (mono_ns INTEGER, wall_ns INTEGER, uncertainty_ns INTEGER);
CREATE TABLE phase (id INTEGER PRIMARY KEY, kind TEXT, repeat INTEGER, start_ns INTEGER, end_ns INTEGER);
CREATE TABLE request (id INTEGER PRIMARY KEY, prompt_index INTEGER, repeat INTEGER, session TEXT,
  planned_ns INTEGER, queued_ns INTEGER, sent_ns INTEGER, first_token_ns INTEGER,
  last_token_ns INTEGER, done_ns INTEGER, status TEXT, error_class TEXT, error TEXT,
  prompt_tokens INTEGER, cached_tokens INTEGER, output_tokens INTEGER, reasoning_tokens INTEGER,
  finish_reason TEXT, text TEXT, extra TEXT);
CREATE TABLE token_times (request_id INTEGER PRIMARY KEY, packed BLOB);
CREATE TABLE domain (id INTEGER PRIMARY KEY, meter TEXT, component TEXT, "index" INTEGER, name TEXT,
  kind TEXT, unit TEXT, resolution REAL, update_period_ns INTEGER, gain_uncertainty REAL, note TEXT,
  averaging_ns INTEGER);
CREATE TABLE sample (domain_id INTEGER, t_ns INTEGER, value REAL);
CREATE TABLE event (t_ns INTEGER, kind TEXT, data TEXT);
"""  # fmt: skip

IDLE_S = 5.0
LANES = 4


def ns(seconds: float) -> int:
    return round(seconds * 1e9)


def varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def packed_times(times: list[float]) -> bytes:
    before = 0
    out = b""
    for time in times:
        out += varint(2 * (ns(time) - before))
        before = ns(time)
    return out


class TraceMaker:
    """A run of `prompts` prompts in four lanes on `gpus` GPUs, with `power` times the usual power."""

    def __init__(
        self,
        name: str = "made up",
        prompts: int = 60,
        gpus: int = 2,
        seconds: float = 30.0,
        power: float = 1.0,
        text: str = "An answer.",
        seed: int = 7,
        config: dict[str, object] | None = None,
    ) -> None:
        self.name, self.prompts, self.gpus, self.seconds = name, prompts, gpus, seconds
        self.power, self.text, self.config = power, text, config or {}
        self.random = random.Random(seed)

    def write(self, path: Path) -> Path:
        with closing(sqlite3.connect(path)) as db:
            db.executescript(SCHEMA)
            self._meta(db)
            self._phases(db)
            self._requests(db)
            self._devices(db)
            db.commit()
        return path

    def _meta(self, db: sqlite3.Connection) -> None:
        carbon = {
            "g_per_kwh": 56.0, "uncertainty_g_per_kwh": 5.6, "country_iso_code": "FRA",
            "country_name": "France", "region": "", "assumed": False, "year": 2023,
            "source": "a table", "licence": "CC BY 4.0", "pue": 1.2, "wue_l_per_kwh": 0.0,
        }  # fmt: skip
        meta = {
            "schema_version": "1",
            "tool_version": "1.1.0",
            "run_id": f"20260131T123456Z-{self.name.replace(' ', '-')}",
            "name": self.name,
            "config": json.dumps({"name": self.name} | self.config),
            "environment": json.dumps(
                {"host": "h1", "cpu_model": "AMD EPYC 9654", "ram_total_bytes": 2**37}
            ),
            "backend_info": json.dumps({"type": "vllm", "engine": "server", "model": "org/model"}),
            "carbon": json.dumps(carbon),
        }
        db.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
        db.execute("INSERT INTO clock VALUES (0, 1769862896000000000, 100)")

    def _phases(self, db: sqlite3.Connection) -> None:
        end = IDLE_S + self.seconds
        rows = [(1, "idle", 0, 0, ns(IDLE_S)), (2, "measure", 0, ns(IDLE_S), ns(end))]
        db.executemany("INSERT INTO phase VALUES (?, ?, ?, ?, ?)", rows)

    def _requests(self, db: sqlite3.Connection) -> None:
        lanes = [IDLE_S] * LANES
        length = LANES * self.seconds / self.prompts * 0.95
        for i in range(self.prompts):
            lane = min(range(LANES), key=lanes.__getitem__)
            sent = lanes[lane]
            took = length * self.random.uniform(0.8, 1.0)
            lanes[lane] = sent + took
            ok = i % 20 != 19
            tokens = 20 + i % 13
            times = [sent + took * (0.1 + 0.9 * k / (tokens - 1)) for k in range(tokens)]
            db.execute(
                "INSERT INTO request VALUES (?,?,0,'',NULL,NULL,?,?,?,?,?,?,?,?,NULL,?,NULL,?,?,'{}')",
                (
                    i, i, ns(sent), ns(times[0]) if ok else None, ns(times[-1]) if ok else None,
                    ns(sent + took), "ok" if ok else "failed", "" if ok else "timeout",
                    "" if ok else "no token within 300 s", 12 + i % 40, tokens if ok else None,
                    "stop" if ok else "", f"{self.text} Number {i}." if ok else "",
                ),
            )  # fmt: skip
            if ok:
                db.execute("INSERT INTO token_times VALUES (?, ?)", (i, packed_times(times)))

    def _watts(self, t: float, idle: float, busy: float) -> float:
        measuring = IDLE_S <= t < IDLE_S + self.seconds
        return self.power * (busy + 0.1 * busy * math.sin(3 * t) if measuring else idle)

    def _devices(self, db: sqlite3.Connection) -> None:
        step = max(0.1, self.seconds / 20000)
        count = int((IDLE_S + self.seconds + 1) / step)
        for gpu in range(self.gpus):
            self._gauge(db, gpu, "gpu", gpu, f"gpu-{gpu}", 90 + gpu, 430 - 20 * gpu, step, count)
        self._gauge(db, self.gpus, "cpu", 0, "package-0", 60, 110, step, count)

    def _gauge(
        self, db: sqlite3.Connection, number: int, component: str, index: int, name: str,
        idle: float, busy: float, step: float, count: int,
    ) -> None:  # fmt: skip
        db.execute(
            "INSERT INTO domain VALUES (?, 'test', ?, ?, ?, 'gauge', 'W', 0.1, ?, 0.05, '', 0)",
            (number, component, index, name, ns(step)),
        )
        times = (i * step for i in range(count))
        rows = [(number, ns(t), self._watts(t, idle, busy)) for t in times]
        db.executemany("INSERT INTO sample VALUES (?, ?, ?)", rows)
