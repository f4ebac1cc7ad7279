"""Decoding speed and energy on one NVIDIA GPU: the engine with CUDA graphs, without them, and
transformers eager, on random weights of published shapes.

    python bench/gpu_decode.py [--shapes NAME …] [--seconds 10] [--build DIR] [--json FILE]

Batch 1, bfloat16, a prompt of 128 tokens, 100 new ones, greedy; each subject repeats that for at
least --seconds, in which the GPU's energy counter is read before and after. README.md explains.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from subjects import Engine, Transformers, decode_rate

ROOT = Path(__file__).resolve().parents[1]
TOKENS = 100

# Dimensions from the models' published configurations.
SHAPES = {
    "smollm2-135m": (
        "llama",
        {
            "hidden_size": 576,
            "intermediate_size": 1536,
            "num_hidden_layers": 30,
            "num_attention_heads": 9,
            "num_key_value_heads": 3,
            "vocab_size": 49152,
            "tie_word_embeddings": True,
        },
    ),
    "phi-2": (
        "phi",
        {
            "hidden_size": 2560,
            "intermediate_size": 10240,
            "num_hidden_layers": 32,
            "num_attention_heads": 32,
            "vocab_size": 51200,
            "partial_rotary_factor": 0.4,
        },
    ),
    "llama-2-7b": (
        "llama",
        {
            "hidden_size": 4096,
            "intermediate_size": 11008,
            "num_hidden_layers": 32,
            "num_attention_heads": 32,
            "num_key_value_heads": 32,
            "vocab_size": 32000,
        },
    ),
}


class EnergyCounter:
    """Joules of GPU 0 since the driver was loaded; the counter steps every 20 to 100 ms."""

    def __init__(self) -> None:
        self.nvml = ctypes.CDLL("libnvidia-ml.so.1")
        self.check(self.nvml.nvmlInit_v2())
        self.gpu = ctypes.c_void_p()
        self.check(self.nvml.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(self.gpu)))

    @staticmethod
    def check(status: int) -> None:
        if status != 0:
            raise OSError(f"NVML error {status}")

    def read(self) -> float:
        millijoules = ctypes.c_ulonglong()
        self.check(
            self.nvml.nvmlDeviceGetTotalEnergyConsumption(self.gpu, ctypes.byref(millijoules))
        )
        return millijoules.value * 1e-3


def make_checkpoint(name: str, folder: Path) -> Path:
    """Random bfloat16 weights of the shape, as transformers initialises them."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    kind, dimensions = SHAPES[name]
    config = AutoConfig.for_model(kind, **dimensions)
    torch.manual_seed(0)
    with torch.device("cuda"):
        model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    model.save_pretrained(folder / name)
    del model
    torch.cuda.empty_cache()
    return folder / name


def read_bandwidth() -> float:
    """Bytes per second that a sum over 4 GiB reads; the best of ten."""
    import torch

    data = torch.ones(2**30, dtype=torch.float32, device="cuda")
    best = 0.0
    for _ in range(10):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        data.sum()
        end.record()
        end.synchronize()
        best = max(best, data.nbytes / (begin.elapsed_time(end) * 1e-3))
    del data
    torch.cuda.empty_cache()
    return best


def measure(subject, seconds: float, energy: EnergyCounter) -> dict:
    for _ in range(2):
        subject.generate(TOKENS)  # warm up, record graphs
    rates, first_token = [], []
    before, start = energy.read(), time.perf_counter()
    while time.perf_counter() - start < seconds:
        times = subject.generate(TOKENS)
        rates.append(decode_rate(times))
        first_token.append(times[0])
    joules, elapsed = energy.read() - before, time.perf_counter() - start
    return {
        "tokens_per_s": statistics.median(rates),
        "slowest_tokens_per_s": min(rates),
        "ttft_ms": 1e3 * statistics.median(first_token),
        "j_per_token": joules / (TOKENS * len(rates)),
        "mean_power_w": joules / elapsed,
        "answers": len(rates),
    }


def compare(name: str, args: argparse.Namespace, energy: EnergyCounter, bandwidth: float) -> dict:
    row: dict = {}
    with tempfile.TemporaryDirectory() as scratch:
        model = make_checkpoint(name, Path(scratch))
        subjects = {
            "engine": lambda: Engine(args.build, model, "cuda"),
            "engine without graphs": lambda: Engine(args.build, model, "cuda", "--eager"),
            "transformers": lambda: Transformers(model, "cuda"),
        }
        for label, open_subject in subjects.items():
            subject = open_subject()
            row[label] = measure(subject, args.seconds, energy)
            if label == "engine":
                row["limit_tokens_per_s"] = bandwidth / subject.weight_bytes
            subject.close()
            limit = row["limit_tokens_per_s"]
            figures = row[label]
            print(
                f"{name:>13} {label:>21}: {figures['tokens_per_s']:6.1f} tokens/s "
                f"({figures['tokens_per_s'] / limit:4.0%} of {limit:.0f})  "
                f"TTFT {figures['ttft_ms']:5.1f} ms  {figures['j_per_token']:.3f} J/token  "
                f"{figures['mean_power_w']:.0f} W",
                flush=True,
            )
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=list(SHAPES))
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--build", type=Path, default=ROOT / "build/dev")
    parser.add_argument("--json", type=Path, help="write all figures here")
    args = parser.parse_args()
    if not (args.build / "engine_probe").exists():
        sys.exit("engine_probe is missing: cmake --build --preset dev --target engine_probe")

    import torch
    import transformers

    bandwidth = read_bandwidth()
    result: dict = {
        "gpu": torch.cuda.get_device_name(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "read_gb_per_s": bandwidth * 1e-9,
    }
    print(result)
    energy = EnergyCounter()
    for name in args.shapes:
        result[name] = compare(name, args, energy, bandwidth)
    if args.json:
        args.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
