#!/usr/bin/env python3
"""Measures one real vLLM on the CPU with `aieb` and with `vllm bench serve`, in turn, and prints both.

The same number of prompts of the same length, the same number of answer tokens, greedy, no prompt
twice; the clients take turns in beginning a round. ./run_tests.sh servers sets up what this needs.

    .aieb/venv/bin/python bench/real_servers.py --aieb build/release/aieb --rounds 3
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
for room in ("integration", "unit"):
    sys.path.insert(0, str(ROOT / "tests" / room))

from real_servers import NAME, SAFETENSORS, STATE, RealServer, vllm_server  # noqa: E402

PROMPT_TOKENS = 64
ANSWER_TOKENS = 16

# Metric → where `aieb` has it, and where `vllm bench serve` has it (in ms, except the last).
METRICS = {
    "TTFT mean, s": ("ttft_s", "mean_ttft_ms"),
    "TPOT mean, s": ("tpot_s", "mean_tpot_ms"),
    "E2E mean, s": ("e2e_s", "mean_e2el_ms"),
    "tokens/s": ("output_tokens_per_s", "output_throughput"),
}

Numbers = dict[str, float]


def quietly(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")


def with_aieb(binary: Path, server: RealServer, folder: Path, streams: int, seed: int) -> Numbers:
    config: dict[str, Any] = {
        "backend": {"type": "vllm", "endpoint": server.endpoint, "model": NAME},
        "scenario": {
            "num_samples": 2 * streams + 2,
            "seed": seed,
            "use_chat_template": False,
            "synthetic": {
                "input_tokens": {"mean": PROMPT_TOKENS},
                "output_tokens": {"mean": ANSWER_TOKENS},
            },
            "load": {"mode": "closed", "concurrency": streams},
        },
        "metrics": {"idle_s": 0, "warmup_prompts": 0, "country_iso_code": "FRA"},
    }
    (folder / "config.json").write_text(json.dumps(config))
    quietly([str(binary), "run", "config.json", "--quiet", "--json", "ours.json"], folder)
    summary = json.loads((folder / "ours.json").read_text())["summary"]
    values = {name: summary[ours] for name, (ours, _) in METRICS.items()}
    return {name: v["mean"] if isinstance(v, dict) else v for name, v in values.items()}


def with_vllm(server: RealServer, folder: Path, streams: int, seed: int) -> Numbers:
    words = f"""bench serve --backend openai --endpoint /v1/completions --base-url {server.root}
        --model {NAME} --tokenizer {SAFETENSORS} --dataset-name random --random-input-len {PROMPT_TOKENS}
        --random-output-len {ANSWER_TOKENS} --num-prompts {2 * streams + 2} --max-concurrency {streams}
        --ignore-eos --temperature 0 --seed {seed} --disable-tqdm --percentile-metrics ttft,tpot,itl,e2el
        --save-result --result-filename theirs.json"""
    quietly([str(STATE / "vllm" / "bin" / "vllm"), *words.split()], folder)
    result = json.loads((folder / "theirs.json").read_text())
    return {
        name: result[theirs] / (1000 if theirs.endswith("_ms") else 1)
        for name, (_, theirs) in METRICS.items()
    }


def measure(arguments: argparse.Namespace, server: RealServer, folder: Path, streams: int) -> None:
    clients: list[tuple[str, Callable[[int], Numbers]]] = [
        ("aieb", lambda seed: with_aieb(arguments.aieb, server, folder, streams, seed)),
        ("vllm", lambda seed: with_vllm(server, folder, streams, seed)),
    ]
    rounds: dict[str, list[Numbers]] = {name: [] for name, _ in clients}
    for turn in range(arguments.rounds):
        for name, client in clients if turn % 2 == 0 else clients[::-1]:
            rounds[name].append(client(arguments.seed + 1000 * streams + turn))
    for metric in METRICS:
        ours, theirs = ([r[metric] for r in rounds[name]] for name in ("aieb", "vllm"))
        ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
        print(
            f"| {streams} | {metric} | {statistics.median(ours):.4g} | {statistics.median(theirs):.4g} "
            f"| {statistics.median(ratios):.3f} | {min(ratios):.3f}–{max(ratios):.3f} |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--aieb", type=Path, default=ROOT / "build" / "release" / "aieb")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--concurrency", default="1,4,16")
    parser.add_argument("--seed", type=int, default=1, help="another one: other prompts")
    arguments = parser.parse_args()
    arguments.aieb = arguments.aieb.resolve()
    server = vllm_server()
    print("| streams | metric | aieb | vllm bench serve | ratio | range of ratios |")
    print("|---|---|---|---|---|---|")
    try:
        server.ensure()
        with tempfile.TemporaryDirectory() as folder:
            for streams in arguments.concurrency.split(","):
                measure(arguments, server, Path(folder), int(streams))
    finally:
        server.stop()


if __name__ == "__main__":
    main()
