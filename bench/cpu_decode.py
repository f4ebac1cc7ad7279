"""Decoding speed on the CPU: the engine and transformers eager, in turn, beside the memory limit.

    python bench/cpu_decode.py [--rounds 5] [--threads N] [--model FOLDER] [--json FILE]

Each round measures the read bandwidth, then the engine, then transformers, so that all three see
the machine in the same state. README.md explains the figures.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

import smollm2
from subjects import Engine, Transformers, decode_rate

ROOT = Path(__file__).resolve().parents[1]
RAPL = Path("/sys/class/powercap")


class Joules:
    """Energy of the processor packages since `start`; None where RAPL cannot be read."""

    def __init__(self) -> None:
        self.counters = [
            zone / "energy_uj"
            for zone in sorted(RAPL.glob("intel-rapl:?"))
            if (zone / "name").read_text().startswith("package")
            and os.access(zone / "energy_uj", os.R_OK)
        ]

    def read(self) -> float | None:
        if not self.counters:
            return None
        return sum(int(counter.read_text()) for counter in self.counters) * 1e-6


def measure(name: str, subject, tokens: int, joules: Joules) -> dict:
    before = joules.read()
    seconds = subject.generate(tokens)
    after = joules.read()
    assert len(seconds) == tokens, f"{name} made {len(seconds)} tokens"
    return {
        "ttft_ms": 1e3 * seconds[0],
        "tokens_per_s": decode_rate(seconds),
        "j_per_token": None if before is None else (after - before) / tokens,
    }


def bandwidth(build: Path, threads: int) -> float:
    """Bytes per second; the best of a few passes, since the limit is what the machine can do."""
    command = [build / "bandwidth", "--threads", str(threads), "--mib", "512", "--passes", "7"]
    return 1e9 * json.loads(subprocess.check_output(command))["best_gb_per_s"]


def run_round(build: Path, subjects: dict, args: argparse.Namespace, joules: Joules) -> dict:
    limit = bandwidth(build, args.threads) / subjects["engine"].weight_bytes
    row = {"limit_tokens_per_s": limit}
    for name, subject in subjects.items():
        row[name] = measure(name, subject, args.tokens, joules)
    ours = row["engine"]["tokens_per_s"]
    row["fraction_of_limit"] = ours / limit
    row["ratio_to_transformers"] = ours / row["transformers"]["tokens_per_s"]
    return row


def machine(threads: int) -> dict:
    import torch
    import transformers

    lines = Path("/proc/cpuinfo").read_text().splitlines()
    cpu = next((line.split(": ")[1] for line in lines if line.startswith("model name")), "unknown")
    return {
        "cpu": cpu,
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
        "threads": threads,
        "load_before": os.getloadavg()[0],
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }


def show(row: dict, label: str) -> None:
    ours, theirs = row["engine"], row["transformers"]
    energy = (
        ""
        if ours["j_per_token"] is None
        else (f"  J/token {ours['j_per_token']:.3f} and {theirs['j_per_token']:.3f}")
    )
    print(
        f"{label:>6}: limit {row['limit_tokens_per_s']:6.1f}  engine {ours['tokens_per_s']:6.1f} "
        f"({row['fraction_of_limit']:4.0%})  transformers {theirs['tokens_per_s']:5.1f} tokens/s  "
        f"ratio {row['ratio_to_transformers']:4.1f}  "
        f"TTFT {ours['ttft_ms']:.0f} and {theirs['ttft_ms']:.0f} ms{energy}"
    )


def median(rows: list) -> dict:
    """Element-wise median of equally shaped rows."""
    if isinstance(rows[0], dict):
        return {key: median([row[key] for row in rows]) for key in rows[0]}
    return None if rows[0] is None else statistics.median(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=100)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--build", type=Path, default=ROOT / "build/dev")
    parser.add_argument("--model", type=Path, help="bfloat16 checkpoint instead of SmolLM2")
    parser.add_argument("--json", type=Path, help="write all figures here")
    args = parser.parse_args()
    for program in ("engine_probe", "bandwidth"):
        if not (args.build / program).exists():
            sys.exit(
                f"{args.build / program} is missing: cmake --build --preset dev --target {program}"
            )

    model = args.model or smollm2.fetch(ROOT / "build/bench")
    facts = machine(args.threads)
    subjects = {
        "engine": Engine(args.build, model, threads=args.threads),
        "transformers": Transformers(model, threads=args.threads),
    }
    joules = Joules()
    for subject in subjects.values():
        subject.generate(8)  # warm up
    rows = []
    for i in range(args.rounds):
        rows.append(run_round(args.build, subjects, args, joules))
        show(rows[-1], str(i + 1))
    show(median(rows), "median")
    if args.json:
        result = {"machine": facts, "median": median(rows), "rounds": rows}
        args.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
