"""The placement planner beside that of transformers, on real model shapes on the meta device."""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("accelerate")

from accelerate.utils.modeling import convert_file_size_to_int  # noqa: E402
from engine_harness import seed  # noqa: E402
from transformers import initialization  # noqa: E402
from transformers.integrations import accelerate as theirs  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
STRATEGIES = ["auto", "balanced", "balanced_low_0", "sequential"]
CASES = 40  # of each shape

# Shapes of models on the hub.
SHAPES: dict[str, tuple[str, dict[str, Any]]] = {
    "llama-2-7b": ("LlamaConfig", {
        "vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32,
        "num_attention_heads": 32, "num_key_value_heads": 32}),
    "llama-2-70b": ("LlamaConfig", {
        "vocab_size": 32000, "hidden_size": 8192, "intermediate_size": 28672, "num_hidden_layers": 80,
        "num_attention_heads": 64, "num_key_value_heads": 8}),
    "llama-3.2-1b, tied": ("LlamaConfig", {
        "vocab_size": 128256, "hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16,
        "num_attention_heads": 32, "num_key_value_heads": 8, "tie_word_embeddings": True}),
    "gpt2-xl, tied": ("GPT2Config", {"n_embd": 1600, "n_layer": 48, "n_head": 25}),
    "mixtral-8x7b": ("MixtralConfig", {
        "vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
        "num_attention_heads": 32, "num_key_value_heads": 8, "num_local_experts": 8}),
    "gpt-oss-120b": ("GptOssConfig", {
        "vocab_size": 201088, "hidden_size": 2880, "intermediate_size": 2880, "num_hidden_layers": 36,
        "num_local_experts": 128, "num_attention_heads": 64, "num_key_value_heads": 8, "head_dim": 64}),
    "falcon-40b": ("FalconConfig", {
        "vocab_size": 65024, "hidden_size": 8192, "num_hidden_layers": 60, "num_attention_heads": 128,
        "num_kv_heads": 8, "new_decoder_architecture": True}),
    "gemma-2-9b, tied": ("Gemma2Config", {
        "vocab_size": 256000, "hidden_size": 3584, "intermediate_size": 14336, "num_hidden_layers": 42,
        "num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 256}),
    "opt-13b, tied": ("OPTConfig", {
        "hidden_size": 5120, "ffn_dim": 20480, "num_hidden_layers": 40, "num_attention_heads": 40,
        "word_embed_proj_dim": 5120}),
    "bloom-7b, tied": ("BloomConfig", {"vocab_size": 250880, "hidden_size": 4096, "n_layer": 30, "n_head": 32}),
    "qwen2-72b": ("Qwen2Config", {
        "vocab_size": 152064, "hidden_size": 8192, "intermediate_size": 29568, "num_hidden_layers": 80,
        "num_attention_heads": 64, "num_key_value_heads": 8}),
    "deepseek-v3": ("DeepseekV3Config", {"num_hidden_layers": 61}),
}  # fmt: skip


def on_meta(name: str, dtype: Any) -> Any:
    """The model as `from_pretrained` has it when it plans: without storage, nothing tied yet."""
    config_class, values = SHAPES[name]
    config = getattr(transformers, config_class)(**values)
    with torch.device("meta"), initialization.no_tie_weights():
        return transformers.AutoModelForCausalLM.from_config(config, dtype=dtype)


def parts(module: Any, name: str, whole: set[str]) -> dict[str, Any]:
    size = lambda tensor: tensor.numel() * tensor.element_size()
    tensors = [[n, size(t), False] for n, t in module.named_parameters(recurse=False)]
    tensors += [[n, size(t), True] for n, t in module.named_buffers(recurse=False)]
    return {
        "name": name,
        "whole": type(module).__name__ in whole,
        "tensors": tensors,
        "children": [parts(child, n, whole) for n, child in module.named_children()],
    }


def tied(model: Any) -> list[list[str]]:
    """Copies first, the one that is stored last."""
    keys = model.all_tied_weights_keys
    return [[k for k, v in keys.items() if v == target] + [target] for target in set(keys.values())]


def probe() -> Path:
    built = sorted(ROOT.glob("build/*/tests/cpp/placement/placement_probe"))
    built += sorted(ROOT.glob("build/*/placement_probe"))
    if not built:
        pytest.skip(
            "placement_probe is not built (cmake --build --preset dev --target placement_probe)"
        )
    return max(built, key=lambda path: path.stat().st_mtime)


def ours(tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    lines = "".join(json.dumps(task) + "\n" for task in tasks)
    done = subprocess.run([probe()], input=lines, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def random_limits(rng: random.Random, total: int) -> dict[Any, int]:
    """From far too little to more than enough; sometimes no CPU, or a GPU that is not to be used."""
    gpus = rng.randint(0, 6)
    scale = total / max(gpus, 1) * rng.choice([0.3, 0.7, 1.0, 1.1, 1.3, 2.0, 4.0])
    limits: dict[Any, int] = {gpu: int(scale * rng.uniform(0.5, 1.5)) for gpu in range(gpus)}
    if gpus > 1 and rng.random() < 0.1:
        limits[rng.randrange(gpus)] = 0
    if rng.random() < 0.8 or gpus == 0:
        limits["cpu"] = int(total * rng.uniform(0, 1.5))
    return limits


def reference(model: Any, strategy: str, limits: dict[Any, int] | None) -> dict[str, str]:
    placed = theirs._get_device_map(model, strategy, dict(limits) if limits else None, None)
    return {name: str(place) for name, place in placed.items()}


@pytest.mark.parametrize("name", SHAPES)
def test_a_plan_is_that_of_transformers(name):
    rng = random.Random(f"{seed()} {name}")
    dtype = rng.choice([torch.float32, torch.bfloat16])
    model = on_meta(name, dtype)
    whole = set(model._no_split_modules or [])
    tree, pairs = parts(model, "", whole), tied(model)
    total = sum(t.numel() * t.element_size() for t in model.parameters())
    cases = [(rng.choice(STRATEGIES), random_limits(rng, total)) for _ in range(CASES)]
    plans = ours([
        {"model": tree, "tied": pairs, "strategy": strategy, "quantized": False,
         "max_memory": {str(place): bytes_ for place, bytes_ in limits.items()}}
        for strategy, limits in cases
    ])  # fmt: skip
    for (strategy, limits), plan in zip(cases, plans, strict=True):
        expected = reference(model, strategy, limits)
        assert plan.get("places") == expected, (name, str(dtype), strategy, limits)


@pytest.mark.parametrize("gpus", [0, 1, 3])
def test_without_limits_free_memory_is_shared_as_by_transformers(gpus, monkeypatch):
    rng = random.Random(f"{seed()} {gpus}")
    model = on_meta("llama-2-7b", torch.bfloat16)
    total = sum(t.numel() * t.element_size() for t in model.parameters())
    for _ in range(10):
        free = {gpu: int(total * rng.uniform(0.2, 1.4)) for gpu in range(gpus)}
        cpu = int(total * rng.uniform(0.3, 2))

        def found(limits, free=free, cpu=cpu):
            return {**free, "cpu": cpu} if limits is None else limits

        monkeypatch.setattr(theirs, "accelerate_max_memory", found)
        strategy = rng.choice(STRATEGIES)
        tree = parts(model, "", set(model._no_split_modules))
        (plan,) = ours([
            {"model": tree, "tied": [], "strategy": strategy, "quantized": False,
             "max_memory": None, "free": {"gpus": free, "cpu": cpu}}
        ])  # fmt: skip
        assert plan.get("places") == reference(model, strategy, None), (strategy, free, cpu)


def test_amounts_of_memory_are_those_of_accelerate():
    rng = random.Random(seed())
    texts = [
        f"{rng.choice(['', ' ', '+', '-'])}{number}{rng.choice(['', ' '])}{unit}"
        for number in ["20", "1.5", "0.001", "7e2", "", "x", f"{rng.uniform(0, 100):.6f}"]
        for unit in ["GB", "Gb", "gb", "gB", "MB", "Mb", "KB", "kb", "GiB", "gib", "MIB", "kib",
                     "TB", "B", ""]
    ]  # fmt: skip
    part = {"name": "", "whole": False, "tensors": [["w", 1, False]], "children": []}
    tasks = [
        {"model": part, "tied": [], "strategy": "sequential", "quantized": False,
         "max_memory": {"cpu": text}} for text in texts
    ]  # fmt: skip
    for text, plan in zip(texts, ours(tasks), strict=True):
        try:
            size = convert_file_size_to_int(text)
        except ValueError:
            assert "amount of memory" in plan.get("error", ""), text
            continue
        assert plan["places"] == {"w": "cpu" if size >= 1 else "disk"}, (text, size)
