"""Quantised weights: checkpoints that other tools wrote, and quantisation at load.

The formats are written in plain PyTorch from their published layouts (quantised_weights.py), and by
bitsandbytes itself where it is installed.
"""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path

import numpy
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

import quantised_weights as formats  # noqa: E402
from engine_harness import Probe, fails_with, seed  # noqa: E402
from engine_models import CASES, Case, make_model  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402

pytestmark = pytest.mark.pytorch

SEED = seed()
torch.set_num_threads(1)
PROMPT = [3, 14, 15, 92, 65, 35, 89, 79, 32, 38, 46, 26]
SIZES = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "num_hidden_layers": 2,
    "max_position_embeddings": 128,
}
LLAMA = Case("quantised", "LlamaConfig", lambda _: SIZES)
# Blocks of 64 straddle rows; biases; fused matrices whose rows are reordered; stored transposed.
ODD = Case(
    "odd", "LlamaConfig",
    lambda _: {**SIZES, "hidden_size": 40, "intermediate_size": 27, "attention_bias": True},
)  # fmt: skip
GLM4 = Case(
    "interleaved", "Glm4Config", lambda _: {**SIZES, "head_dim": 12, "pad_token_id": 0}
)  # fmt: skip
FAMILIES = [LLAMA, ODD, GLM4] + [
    case for case in CASES if case.name in ("gpt2", "gpt_neox", "falcon_40b", "deepseek_v3")
]


def layer_matrices(weights: dict) -> list[str]:
    """Modules of the layers' matrices."""
    return [
        name.removesuffix(".weight")
        for name, value in weights.items()
        if ".layers." in name and name.endswith(".weight") and value.dim() == 2
    ]


def answers(folder: Path, *arguments: str) -> tuple[numpy.ndarray, list[int], dict]:
    with Probe(folder, *arguments) as probe:
        logits = probe.ask(prompt=PROMPT, all_logits=True)["logits"]
        tokens = probe.ask(prompts=[PROMPT], params={"max_new_tokens": 12})["tokens"][0]
        return numpy.asarray(logits), tokens, probe.ask(info=True)


def assert_same(ours, theirs, tolerance: float = 2e-4):
    excess = numpy.abs(ours - theirs) - 1e-4 * numpy.abs(theirs)
    assert excess.max() <= tolerance, f"largest difference {numpy.abs(ours - theirs).max():.3g}"


def assert_near(ours, theirs, bound: float = 0.02):
    """For activations in 8 bits: the last bit of a float decides which way one is rounded."""
    error = numpy.linalg.norm(ours - theirs) / numpy.linalg.norm(theirs)
    assert error <= bound, f"relative error {error:.3g}"


def store(folder: Path, config: dict, weights: dict) -> Path:
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    save_file({name: value.contiguous() for name, value in weights.items()},
              folder / "model.safetensors")  # fmt: skip
    return folder


STORED = {
    "gptq": (formats.store_gptq, {"quant_method": "gptq", "bits": 4, "group_size": 32}),
    "gptq_8bit": (
        lambda *a: formats.store_gptq(*a, bits=8),
        {"quant_method": "gptq", "bits": 8, "group_size": 32},
    ),
    "gptq_v2": (
        lambda *a: formats.store_gptq(*a, version=2),
        {"quant_method": "gptq", "bits": 4, "group_size": 32, "checkpoint_format": "gptq_v2"},
    ),
    "awq": (formats.store_awq, {"quant_method": "awq", "bits": 4, "group_size": 32}),
    "fp8_block": (formats.store_fp8, {"quant_method": "fp8", "weight_block_size": [24, 40]}),
    "fp8_tensor": (lambda *a: formats.store_fp8(*a, kind="tensor"), {"quant_method": "fp8"}),
    "fp8_row": (
        lambda *a: formats.store_fp8(*a, kind="row"),
        {"quant_method": "compressed-tensors", "format": "float-quantized"},
    ),
    "int8_row": (
        formats.store_int8,
        {"quant_method": "compressed-tensors", "format": "int-quantized"},
    ),
    "pack_quantized": (
        formats.store_pack_quantized,
        {"quant_method": "compressed-tensors", "format": "pack-quantized"},
    ),
    "pack_quantized_zeros": (
        lambda *a: formats.store_pack_quantized(*a, zeros_too=True),
        {"quant_method": "compressed-tensors", "format": "pack-quantized"},
    ),
}


@pytest.mark.parametrize("kind", STORED)
def test_a_quantised_checkpoint_is_the_dense_one_that_it_means(kind, tmp_path):
    make_model(LLAMA, SEED, tmp_path / "plain")
    config = json.loads((tmp_path / "plain" / "config.json").read_text())
    weights = load_file(tmp_path / "plain" / "model.safetensors")
    rng = torch.Generator().manual_seed(SEED % 2**31)
    make, settings = STORED[kind]
    dense, stored = dict(weights), dict(weights)
    for module in layer_matrices(weights):
        tensors, dense[f"{module}.weight"] = make(*weights[f"{module}.weight"].shape, rng)
        del stored[f"{module}.weight"]
        stored |= {f"{module}.{name}": value for name, value in tensors.items()}
    stored["model.layers.0.self_attn.k_scale"] = torch.ones(1)
    quantised = store(tmp_path / "quantised", {**config, "quantization_config": settings}, stored)
    logits, tokens, info = answers(quantised)
    expected, expected_tokens, _ = answers(store(tmp_path / "dense", config, dense))
    assert_same(logits, expected)
    assert tokens == expected_tokens
    assert info["unused"] == []


BITSANDBYTES = {
    "nf4": lambda w: formats.four_bits(w, "nf4"),
    "fp4": lambda w: formats.four_bits(w, "fp4", size=128),
    "nf4_double": lambda w: formats.four_bits(w, "nf4", double=True),
    "int8": formats.eight_bits,
}


@pytest.mark.parametrize("kernels", ["own", "aten"])
@pytest.mark.parametrize("kind", BITSANDBYTES)
def test_a_checkpoint_of_bitsandbytes_is_computed_with_packed(kind, kernels, tmp_path):
    make_model(ODD, SEED, tmp_path / "plain")
    config = json.loads((tmp_path / "plain" / "config.json").read_text())
    weights = load_file(tmp_path / "plain" / "model.safetensors")
    dense, stored = dict(weights), dict(weights)
    for module in layer_matrices(weights):
        tensors, dense[f"{module}.weight"] = BITSANDBYTES[kind](weights[f"{module}.weight"])
        del stored[f"{module}.weight"]
        stored |= {f"{module}.{name}": value for name, value in tensors.items()}
    settings = {"quant_method": "bitsandbytes"}
    quantised = store(tmp_path / "quantised", {**config, "quantization_config": settings}, stored)
    arguments = ["--aten"] if kernels == "aten" else []
    logits, tokens, info = answers(quantised, *arguments)
    expected, expected_tokens, plain = answers(store(tmp_path / "dense", config, dense))
    if kind == "int8":  # whose activations are rounded, too
        assert_near(logits, expected, 0.05)
    else:
        assert_same(logits, expected)
        assert tokens == expected_tokens
    assert info["unused"] == []
    assert info["bytes"] < plain["bytes"]


def bitsandbytes_definition(model, kind: str):
    """A copy of the model with the layers' matrices as loading in `kind` leaves them."""
    model = copy.deepcopy(model)
    for name, module in list(model.named_modules()):
        transposed = type(module).__name__ == "Conv1D"
        linear = isinstance(module, torch.nn.Linear) or transposed
        if not linear or "head" in name or "embed_out" in name:
            continue
        weight = module.weight.data.T if transposed else module.weight.data
        if kind == "8bit":
            parent, _, last = name.rpartition(".")
            setattr(model.get_submodule(parent), last, formats.Int8Linear(weight, module.bias))
            continue
        dense = formats.four_bits(weight, kind[:3], double=kind.endswith("double"))[1]
        module.weight.data = dense.T.contiguous() if transposed else dense
    return model


@pytest.mark.parametrize("kind", ["8bit", "fp4", "nf4", "nf4-double"])
@pytest.mark.parametrize("case", FAMILIES, ids=lambda case: case.name)
def test_loading_quantised_is_what_bitsandbytes_defines(case, kind, tmp_path):
    model = bitsandbytes_definition(make_model(case, SEED, tmp_path), kind)
    prompt = torch.tensor([PROMPT])
    with torch.no_grad():
        expected = model(prompt).logits[0].numpy()
    tokens = model.generate(prompt, do_sample=False, max_new_tokens=12)[0, len(PROMPT) :].tolist()
    for arguments in ([], ["--aten", "--recordable"]):
        logits, ours, _ = answers(tmp_path, f"--{kind}", *arguments)
        if kind == "8bit":
            assert_near(logits, expected)
            continue
        assert_same(logits, expected)
        assert ours == tokens


@pytest.mark.parametrize(
    "kind, bits", [("8bit", 8), ("fp4", 4 + 32 / 64), ("nf4-double", 4 + 8 / 64 + 32 / 64 / 256)]
)
def test_packed_weights_occupy_what_the_format_promises(kind, bits, tmp_path):
    make_model(LLAMA, SEED, tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    matrices = [weights[f"{module}.weight"] for module in layer_matrices(weights)]
    packed = sum(weight.numel() for weight in matrices)
    rest = sum(value.numel() for value in weights.values()) - packed
    expected = packed * bits / 8 + 4 * rest
    # The levels, and what a last run of scales leaves empty.
    tables = len(matrices) * 4 * (16 + 256 + 1 if kind == "nf4-double" else 16)
    rows = 4 * sum(weight.shape[0] for weight in matrices) if kind == "8bit" else 0
    with Probe(tmp_path, f"--{kind}") as probe:
        info = probe.ask(info=True)
    assert info["parameters"] == packed + rest
    assert expected <= info["bytes"] <= expected + tables + rows


def test_perplexity_in_8_bits_is_within_a_percent_of_bitsandbytes(tmp_path):
    model = make_model(LLAMA, SEED, tmp_path)
    rng = random.Random(SEED)
    text = [rng.randrange(3, 97) for _ in range(100)]
    formats.run_in_8_bits(model.model.layers)
    with torch.no_grad():
        theirs = formats.perplexity(model(torch.tensor([text])).logits[0].numpy(), text)
    with Probe(tmp_path, "--8bit") as probe:
        ours = formats.perplexity(probe.ask(prompt=text, all_logits=True)["logits"], text)
    assert ours == pytest.approx(theirs, rel=0.01)


def test_bitsandbytes_packs_the_same_codes(tmp_path):
    functional = pytest.importorskip("bitsandbytes.functional")
    weight = torch.randn(48, 40, generator=torch.Generator().manual_seed(SEED % 2**31))
    for kind in ("nf4", "fp4"):
        for double in (False, True):
            codes, state = functional.quantize_4bit(
                weight, quant_type=kind, compress_statistics=double
            )
            tensors, dense = formats.four_bits(weight, kind, double)
            theirs = functional.dequantize_4bit(codes, state)
            # its CPU code has fp4's levels to four digits
            assert (dense - theirs).abs().max() <= 2e-4 * weight.abs().max(), (kind, double)
            same = (tensors["weight"].flatten() == codes.flatten()).float().mean()
            assert same > 0.99, (kind, double)


def test_an_unknown_method_is_named_with_the_known_ones(tmp_path):
    make_model(LLAMA, SEED, tmp_path)
    path = tmp_path / "config.json"
    settings = {"quantization_config": {"quant_method": "aqlm"}}
    path.write_text(json.dumps({**json.loads(path.read_text()), **settings}))
    code, message = fails_with(tmp_path)
    assert code == 4
    assert "'aqlm'" in message and "gptq" in message and "backend.engine: transformers" in message


def test_a_damaged_quantised_matrix_is_named(tmp_path):
    make_model(LLAMA, SEED, tmp_path / "plain")
    config = json.loads((tmp_path / "plain" / "config.json").read_text())
    stored = load_file(tmp_path / "plain" / "model.safetensors")
    module = layer_matrices(stored)[0]
    tensors, _ = formats.four_bits(stored.pop(f"{module}.weight"), "nf4")
    tensors["weight"] = tensors["weight"][:10]
    stored |= {f"{module}.{name}": value for name, value in tensors.items()}
    config["quantization_config"] = {"quant_method": "bitsandbytes"}
    code, message = fails_with(store(tmp_path / "quantised", config, stored))
    assert code == 4
    assert f"{module}.weight" in message and "too few codes" in message
