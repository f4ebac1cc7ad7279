"""Loading a sharded checkpoint: peak memory over its size, and time beside reading the bytes alone.

    python bench/load.py [--build build/release] [--gigabytes 4] [--rounds 3] [--folder FOLDER]

Writes a random llama in bfloat16 as shards of a gigabyte, and before each measurement drops its pages from the
cache of the system, so that both the engine and the plain reading take every byte from the disk.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import torch
from safetensors.torch import save_file

ROOT = Path(__file__).resolve().parents[1]
HIDDEN = 3072
INTERMEDIATE = 8192
VOCABULARY = 32000
HEAD_DIM = 128


def layer(index: int) -> dict[str, torch.Tensor]:
    base = f"model.layers.{index}."
    shapes = {
        f"self_attn.{name}_proj.weight": (HIDDEN, HIDDEN) for name in ("q", "k", "v", "o")
    } | {
        "mlp.gate_proj.weight": (INTERMEDIATE, HIDDEN),
        "mlp.up_proj.weight": (INTERMEDIATE, HIDDEN),
        "mlp.down_proj.weight": (HIDDEN, INTERMEDIATE),
        "input_layernorm.weight": (HIDDEN,),
        "post_attention_layernorm.weight": (HIDDEN,),
    }
    return {base + name: torch.randn(shape).to(torch.bfloat16) for name, shape in shapes.items()}


def write_checkpoint(folder: Path, gigabytes: float) -> int:
    """Returns the number of bytes of all weights."""
    ends = {
        "model.embed_tokens.weight": torch.randn(VOCABULARY, HIDDEN).to(torch.bfloat16),
        "lm_head.weight": torch.randn(VOCABULARY, HIDDEN).to(torch.bfloat16),
        "model.norm.weight": torch.ones(HIDDEN, dtype=torch.bfloat16),
    }
    total, layers, shard, where = 0, 0, dict(ends), {}
    shards: list[str] = []

    def size() -> int:
        return sum(2 * tensor.numel() for tensor in shard.values())

    def flush() -> None:
        nonlocal total, shard
        shards.append(f"model-{len(shards):05d}.safetensors")
        save_file(shard, folder / shards[-1])
        where.update(dict.fromkeys(shard, shards[-1]))
        total += size()
        shard = {}

    while total + size() < gigabytes * 1e9:
        shard |= layer(layers)
        layers += 1
        if size() >= 1e9:
            flush()
    if shard:
        flush()
    index = {"metadata": {"total_size": total}, "weight_map": where}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": HIDDEN,
        "intermediate_size": INTERMEDIATE,
        "num_hidden_layers": layers,
        "num_attention_heads": HIDDEN // HEAD_DIM,
        "num_key_value_heads": HIDDEN // HEAD_DIM,
        "vocab_size": VOCABULARY,
        "rms_norm_eps": 1e-5,
        "torch_dtype": "bfloat16",
        "tie_word_embeddings": False,
    }
    (folder / "config.json").write_text(json.dumps(config))
    return total


def drop_from_cache(folder: Path) -> None:
    for path in folder.glob("*.safetensors"):
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def read_alone(folder: Path) -> float:
    """Seconds to read every byte, four megabytes at a time."""
    buffer = bytearray(4 << 20)
    begin = time.perf_counter()
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb", buffering=0) as file:
            while file.readinto(buffer):
                pass
    return time.perf_counter() - begin


def memory(pid: int) -> dict[str, int]:
    """Bytes of a process: own pages and pages of files."""
    words = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
    )
    return {key: int(words[key].split()[0]) * 1024 for key in ("RssAnon", "RssFile", "VmHWM")}


def load(build: Path, folder: Path) -> tuple[float, dict[str, int]]:
    """Seconds until the engine answers, and the peaks of its memory."""
    peak = {"RssAnon": 0, "RssFile": 0, "VmHWM": 0}
    done = threading.Event()
    begin = time.perf_counter()
    process = subprocess.Popen(
        [build / "engine_probe", folder, "bfloat16"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def watch() -> None:
        while not done.wait(0.01):
            for key, value in memory(process.pid).items():
                peak[key] = max(peak[key], value)

    watcher = threading.Thread(target=watch)
    watcher.start()
    assert process.stdin and process.stdout
    process.stdin.write('{"info": true}\n')
    process.stdin.flush()
    json.loads(process.stdout.readline())
    seconds = time.perf_counter() - begin
    done.set()
    watcher.join()
    process.stdin.close()
    process.wait()
    return seconds, peak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "release")
    parser.add_argument("--gigabytes", type=float, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where the checkpoint is written for a while")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        folder = Path(name)
        size = write_checkpoint(folder, arguments.gigabytes)
        loaded, alone, peaks = [], [], []
        for _ in range(arguments.rounds):
            drop_from_cache(folder)
            alone.append(read_alone(folder))
            drop_from_cache(folder)
            seconds, peak = load(arguments.build, folder)
            loaded.append(seconds)
            peaks.append(peak)
    print(f"{size / 1e9:.2f} GB in shards of 1 GB")
    print(
        f"reading alone  {statistics.median(alone):.2f} s  {size / statistics.median(alone) / 1e9:.2f} GB/s"
    )
    print(
        f"loading        {statistics.median(loaded):.2f} s  {size / statistics.median(loaded) / 1e9:.2f} GB/s"
    )
    for key in ("RssAnon", "RssFile", "VmHWM"):
        print(f"peak {key:8}  {max(peak[key] for peak in peaks) / size:.3f} of the weights")


if __name__ == "__main__":
    main()
