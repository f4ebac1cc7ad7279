"""Loading a sharded checkpoint: time beside the machine's limits and other loaders, and peak memory over its size.

    python bench/load.py [--build build/release] [--gigabytes 4] [--rounds 3] [--folder FOLDER]
                         [--stored bfloat16] [--dtype bfloat16]

Writes a random llama as shards of a gigabyte and loads it from the disk (its pages are dropped from the system's
cache before each measurement) and from the cache, with the native engine, transformers and safetensors, each in a
process of its own; the times are those of loading, without starting the process. The limits are taken in the same
rounds: reading the files into one buffer, and touching as much new memory as the weights take.

A virtual machine may have to ask its host for memory that nothing used for a while, which can take longer than the
disk. So each process starts while this one holds as much memory as it will need, and gives it back just then.
"""

from __future__ import annotations

import argparse
import json
import mmap
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from pathlib import Path

import torch
from safetensors.torch import save_file

ROOT = Path(__file__).resolve().parents[1]
HIDDEN = 3072
INTERMEDIATE = 8192
VOCABULARY = 32000
HEAD_DIM = 128
STARTING_S = 0.4  # engine_probe opens libtorch that long at least
MADV_HUGEPAGE = 14
MADV_POPULATE_WRITE = 23


def layer(index: int, stored: torch.dtype) -> dict[str, torch.Tensor]:
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
    return {base + name: torch.randn(shape).to(stored) for name, shape in shapes.items()}


def write_checkpoint(folder: Path, gigabytes: float, stored: torch.dtype) -> int:
    """Returns the number of bytes of all weights."""
    ends = {
        "model.embed_tokens.weight": torch.randn(VOCABULARY, HIDDEN).to(stored),
        "lm_head.weight": torch.randn(VOCABULARY, HIDDEN).to(stored),
        "model.norm.weight": torch.ones(HIDDEN, dtype=stored),
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
        shard |= layer(layers, stored)
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
        "torch_dtype": str(stored).removeprefix("torch."),
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


def touch_memory(size: int) -> tuple[float, mmap.mmap]:
    """Seconds to get so many bytes of new memory in huge pages, and that memory."""
    begin = time.perf_counter()
    block = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    block.madvise(MADV_HUGEPAGE)
    block.madvise(MADV_POPULATE_WRITE)
    return time.perf_counter() - begin, block


def memory(pid: int) -> dict[str, int]:
    """Bytes of a process: own pages and pages of files."""
    words = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
    )
    return {key: int(words[key].split()[0]) * 1024 for key in ("RssAnon", "RssFile", "VmHWM")}


# Each says that it is ready to load, and then on one line of JSON how long that took. What they only map is read:
# one byte of each page.
PEERS = {
    "transformers": """
import json, sys, time, torch
from transformers import AutoModelForCausalLM
AutoModelForCausalLM.from_config  # imports what loading imports
print("ready", flush=True)
begin = time.perf_counter()
model = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=getattr(torch, sys.argv[2]))
read = sum(int(v.data.view(torch.uint8).view(-1)[::4096].sum()) for v in model.parameters())
print(json.dumps({"load_seconds": time.perf_counter() - begin}), flush=True)
""",
    "safetensors": """
import json, pathlib, sys, time, torch
from safetensors.torch import load_file
print("ready", flush=True)
begin = time.perf_counter()
dtype = getattr(torch, sys.argv[2])
files = sorted(pathlib.Path(sys.argv[1]).glob("*.safetensors"))
kept = [{k: v.to(dtype) for k, v in load_file(file).items()} for file in files]
read = sum(int(v.view(torch.uint8).view(-1)[::4096].sum()) for part in kept for v in part.values())
print(json.dumps({"load_seconds": time.perf_counter() - begin}), flush=True)
""",
}


class Loader:
    """A process that loads a checkpoint, and the peaks of its memory meanwhile."""

    def __init__(self, name: str, build: Path, folder: Path, dtype: str):
        self.native = name == "native"
        command = (
            [build / "engine_probe", folder, dtype]
            if self.native
            else [sys.executable, "-c", PEERS[name], folder, dtype]
        )
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.peak = {"RssAnon": 0, "RssFile": 0, "VmHWM": 0}
        assert self.process.stdin and self.process.stdout
        if self.native:
            time.sleep(STARTING_S)
        else:
            self.process.stdout.readline()

    def finish(self) -> float:
        """Seconds that loading took."""
        assert self.process.stdin and self.process.stdout
        done = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(done,))
        watcher.start()
        if self.native:
            self.process.stdin.write('{"info": true}\n')
            self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        done.set()
        watcher.join()
        self.process.stdin.close()
        self.process.wait()
        return answer["load_seconds"]

    def _watch(self, done: threading.Event) -> None:
        while not done.wait(0.02):
            for key, value in memory(self.process.pid).items():
                self.peak[key] = max(self.peak[key], value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "release")
    parser.add_argument("--gigabytes", type=float, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where the checkpoint is written for a while")
    parser.add_argument("--stored", default="bfloat16", help="type of the files")
    parser.add_argument("--dtype", default="bfloat16", help="type of the weights in memory")
    parser.add_argument("--loaders", nargs="+", default=["native", *PEERS])
    arguments = parser.parse_args()
    seconds: dict[str, list[float]] = defaultdict(list)
    peaks: dict[str, int] = defaultdict(int)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        folder = Path(name)
        size = write_checkpoint(folder, arguments.gigabytes, getattr(torch, arguments.stored))
        in_memory = size // 2 * getattr(torch, arguments.dtype).itemsize
        for _ in range(arguments.rounds):
            drop_from_cache(folder)
            seconds["reading the files into one buffer"].append(read_alone(folder))
            for loader in arguments.loaders:
                for source in ("disk", "cache"):
                    drop_from_cache(folder)
                    if source == "cache":
                        read_alone(folder)
                    took, block = touch_memory(in_memory + size)
                    block.close()
                    took, block = touch_memory(in_memory)
                    seconds["as much new memory"].append(took)
                    process = Loader(loader, arguments.build, folder, arguments.dtype)
                    block.close()
                    seconds[f"{loader} from the {source}"].append(process.finish())
                    for key, value in process.peak.items():
                        peaks[f"{loader} {key}"] = max(peaks[f"{loader} {key}"], value)
    print(f"{size / 1e9:.2f} GB in shards of 1 GB, {arguments.stored} to {arguments.dtype}")
    for what, took in seconds.items():
        median = statistics.median(took)
        spread = f"{min(took):.2f}–{max(took):.2f}"
        print(f"{what:34} {median:6.2f} s ({spread})  {size / median / 1e9:5.2f} GB/s of the files")
    for what, value in peaks.items():
        print(f"peak {what:29} {value / in_memory:.3f} of the weights")


if __name__ == "__main__":
    main()
