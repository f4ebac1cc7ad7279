"""Formats of quantised weights in plain PyTorch, from their papers and published layouts.

Every `store_*` function draws a matrix and returns (tensors as a file holds them, the dense float32
matrix that they mean). `dequantised_*` functions are bitsandbytes' definitions of loading in 8 and 4
bits.
"""

from __future__ import annotations

import json
import math

import numpy
import torch

NF4 = torch.tensor(
    [-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635,
     -0.18477343022823334, -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725,
     0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941,
     0.7229568362236023, 1.0]
)  # fmt: skip
FP4 = torch.tensor([0, 0.0625, 8, 12, 4, 6, 2, 3, -0.0, -0.0625, -8, -12, -4, -6, -2, -3]) / 12
LEVELS = {"nf4": NF4, "fp4": FP4}


def dynamic_levels() -> torch.Tensor:
    """The signed 8-bit dynamic type that double quantisation stores scales in."""
    values = [0.0, 1.0]
    for decade in range(7):
        bounds = torch.linspace(0.1, 1, 2**decade + 1)
        means = (bounds[:-1] + bounds[1:]) / 2 * 10.0 ** (decade - 6)
        values += means.tolist() + (-means).tolist()
    return torch.tensor(sorted(values))


def nearest(values: torch.Tensor, levels: torch.Tensor) -> torch.Tensor:
    """Codes of the nearest levels, which need not be sorted; halfway, of the lower one."""
    order = levels.argsort()
    ordered = levels[order]
    return order[torch.bucketize(values, (ordered[:-1] + ordered[1:]) / 2)]


def blocks(flat: torch.Tensor, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """(values within ±1, scale of every block)."""
    padded = torch.nn.functional.pad(flat, (0, -len(flat) % size)).view(-1, size)
    scales = padded.abs().max(1).values
    scaled = padded * (1 / scales.clamp_min(1e-38)).unsqueeze(1)
    return scaled.clamp(-1, 1).flatten()[: len(flat)], scales


def spread(scales: torch.Tensor, size: int, count: int) -> torch.Tensor:
    return scales.repeat_interleave(size)[:count]


def four_bits(weight: torch.Tensor, kind: str, double: bool = False, size: int = 64):
    """(what bitsandbytes stores, the dense matrix) for a matrix loaded in 4 bits."""
    scaled, scales = blocks(weight.float().flatten(), size)
    codes = nearest(scaled, LEVELS[kind])
    pairs = torch.nn.functional.pad(codes, (0, len(codes) % 2)).to(torch.uint8).view(-1, 2)
    state = {"quant_type": kind, "blocksize": size, "dtype": "float32", "shape": list(weight.shape)}
    tensors = {
        "weight": (pairs[:, 0] << 4 | pairs[:, 1]).unsqueeze(1),
        "weight.absmax": scales,
        "weight.quant_map": LEVELS[kind].clone(),
    }
    if double:
        offset = scales.mean()
        levels = dynamic_levels()
        inner, runs = blocks(scales - offset, 256)
        inner_codes = nearest(inner, levels)
        scales = levels[inner_codes] * spread(runs, 256, len(scales)) + offset
        tensors |= {
            "weight.absmax": inner_codes.to(torch.uint8),
            "weight.nested_absmax": runs,
            "weight.nested_quant_map": levels,
        }
        state |= {
            "nested_blocksize": 256,
            "nested_offset": offset.item(),
            "nested_dtype": "float32",
        }
    text = torch.tensor(list(json.dumps(state).encode()), dtype=torch.uint8)
    tensors[f"weight.quant_state.bitsandbytes__{kind}"] = text
    dense = LEVELS[kind][codes] * spread(scales, size, len(codes))
    return tensors, dense.view(weight.shape)


def eight_bits(weight: torch.Tensor):
    """LLM.int8: rows as int8 with their largest magnitude."""
    rows = weight.half().float()
    largest = rows.abs().max(1).values
    # A true quotient, as the CUDA kernel's: 127 / largest would be 127 times the reciprocal.
    factors = torch.tensor(127.0) / largest
    codes = (rows * factors.unsqueeze(1)).round().to(torch.int8)
    tensors = {"weight": codes, "SCB": largest, "weight_format": torch.tensor(0, dtype=torch.uint8)}
    return tensors, codes.float() * (largest / 127).unsqueeze(1)


def int8_product(x: torch.Tensor, codes: torch.Tensor, largest: torch.Tensor) -> torch.Tensor:
    """LLM.int8's product: rows of x as int8, but columns that hold an outlier in full precision."""
    rows = x.reshape(-1, x.shape[-1])
    outliers = (rows.abs() >= 6.0).any(0)
    inner = rows.masked_fill(outliers, 0)
    scale = inner.abs().max(1, keepdim=True).values.clamp_min(1e-38)
    product = (inner * (127 / scale)).round() @ codes.float().T
    dense = codes.float() * (largest / 127).unsqueeze(1)
    result = product * scale / 127 * (largest / 127) + rows[:, outliers] @ dense[:, outliers].T
    return result.view(*x.shape[:-1], -1)


def pack_words(codes: torch.Tensor, bits: int) -> torch.Tensor:
    """Fields of int32 words along the last dimension, the lowest bits first."""
    per_word = 32 // bits
    fields = codes.long().unflatten(-1, (-1, per_word)) << (torch.arange(per_word) * bits)
    words = fields.sum(-1)
    return torch.where(words >= 2**31, words - 2**32, words).to(torch.int32)


def draw(rows: int, cols: int, group: int, bits: int, rng: torch.Generator):
    """(codes [rows, cols], zeros and scales [rows, groups])."""
    top = 2**bits
    codes = torch.randint(0, top, (rows, cols), generator=rng)
    zeros = torch.randint(top // 2 - 2, top // 2 + 2, (rows, cols // group), generator=rng)
    noise = torch.rand(rows, cols // group, generator=rng)
    return codes, zeros, ((0.5 + noise) * 4 / top / cols**0.5).half()


def store_gptq(rows: int, cols: int, rng: torch.Generator, bits: int = 4, group: int = 32,
               version: int = 1):  # fmt: skip
    codes, zeros, scales = draw(rows, cols, group, bits, rng)
    of = torch.arange(cols)[torch.randperm(cols, generator=rng)] // group
    tensors = {
        "qweight": pack_words(codes, bits).T.contiguous(),
        "qzeros": pack_words((zeros - int(version == 1)).T, bits),
        "scales": scales.T.contiguous(),
        "g_idx": of.to(torch.int32),
    }
    return tensors, (codes - zeros[:, of]) * scales.float()[:, of]


def store_awq(rows: int, cols: int, rng: torch.Generator, group: int = 32):
    codes, zeros, scales = draw(rows, cols, group, 4, rng)
    order = [0, 2, 4, 6, 1, 3, 5, 7]

    def pack(by_column: torch.Tensor) -> torch.Tensor:
        return pack_words(by_column.unflatten(-1, (-1, 8))[..., order].flatten(-2), 4)

    tensors = {"qweight": pack(codes.T), "qzeros": pack(zeros.T), "scales": scales.T.contiguous()}
    of = torch.arange(cols) // group
    return tensors, (codes - zeros[:, of]) * scales.float()[:, of]


def store_pack_quantized(rows: int, cols: int, rng: torch.Generator, group: int = 32,
                         zeros_too: bool = False):  # fmt: skip
    codes, zeros, scales = draw(rows, cols, group, 4, rng)
    if not zeros_too:
        zeros = torch.full_like(zeros, 8)
    tensors = {
        "weight_packed": pack_words(codes, 4),
        "weight_scale": scales,
        "weight_shape": torch.tensor([rows, cols]),
    }
    if zeros_too:
        tensors["weight_zero_point"] = pack_words(zeros.T, 4).T.contiguous()
    of = torch.arange(cols) // group
    return tensors, (codes - zeros[:, of]) * scales.float()[:, of]


def store_fp8(rows: int, cols: int, rng: torch.Generator, kind: str = "block",
              block: tuple[int, int] = (24, 40)):  # fmt: skip
    weight = torch.randn(rows, cols, generator=rng).to(torch.float8_e4m3fn)
    shape = {
        "block": (-(-rows // block[0]), -(-cols // block[1])),
        "row": (rows, 1),
        "tensor": (1,),
    }[kind]
    scale = (0.5 + torch.rand(shape, generator=rng)) * 1.5 / cols**0.5
    factor = scale
    if kind == "block":
        factor = scale.repeat_interleave(block[0], 0)[:rows]
        factor = factor.repeat_interleave(block[1], 1)[:, :cols]
    name = "weight_scale_inv" if kind == "block" else "weight_scale"
    return {"weight": weight, name: scale}, weight.float() * factor


def store_int8(rows: int, cols: int, rng: torch.Generator):
    codes = torch.randint(-127, 128, (rows, cols), generator=rng).to(torch.int8)
    scale = (0.5 + torch.rand(rows, 1, generator=rng)) / 64 / cols**0.5
    return {"weight": codes, "weight_scale": scale}, codes.float() * scale


class Int8Linear(torch.nn.Module):
    """LLM.int8 as bitsandbytes runs it: activations in 8 bits, outlier columns apart."""

    def __init__(self, weight, bias):
        super().__init__()
        self.tensors, _ = eight_bits(weight)
        self.bias = bias

    def forward(self, x):
        y = int8_product(x, self.tensors["weight"], self.tensors["SCB"])
        return y if self.bias is None else y + self.bias


def perplexity(logits, tokens: list[int]) -> float:
    scores = torch.as_tensor(numpy.asarray(logits))[:-1].log_softmax(-1)
    return math.exp(-scores.gather(1, torch.tensor(tokens[1:]).unsqueeze(1)).mean().item())


def run_in_8_bits(layers: torch.nn.Module) -> None:
    """Replaces every Linear by LLM.int8 as bitsandbytes runs it."""
    for module in list(layers.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, torch.nn.Linear):
                setattr(module, name, Int8Linear(child.weight.data, child.bias))
