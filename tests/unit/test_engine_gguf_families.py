"""GGUF files of every supported architecture give the logits of the model they were made from.

Names come from the `gguf` package; what its converters do to the weights (rotary rows interleaved,
Gemma's norms stored as 1 + w) is done here.
"""

from __future__ import annotations

import dataclasses

import numpy
import pytest

gguf = pytest.importorskip("gguf")
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from engine_harness import Probe, seed  # noqa: E402
from engine_models import CASES, make_model, prompts  # noqa: E402

pytestmark = pytest.mark.pytorch

SEED = seed()
torch.set_num_threads(1)

# case → (architecture, rows of q and k are interleaved, offset of norm weights)
CONVERSIONS = {
    "llama_head_dim": ("llama", True, 0),
    "qwen2": ("qwen2", False, 0),
    "qwen3": ("qwen3", False, 0),
    "smollm3": ("smollm3", True, 0),
    "phi3": ("phi3", False, 0),
    "gemma": ("gemma", False, 1),
    "gemma2": ("gemma2", False, 1),
    "gemma3": ("gemma3", False, 1),
}


# Settings that files of the architecture cannot hold are what its readers take for granted.
FIXED = {
    "smollm3": lambda sizes: {"use_sliding_window": False, "sliding_window": None},
    "gemma2": lambda sizes: {"query_pre_attn_scalar": sizes["head_dim"]},
    "gemma3": lambda sizes: {"query_pre_attn_scalar": sizes["head_dim"]},
}


def convertible(case):
    def make(rng):
        sizes = case.make(rng)
        return {**sizes, **FIXED.get(case.name, lambda _: {})(sizes)}

    return dataclasses.replace(case, make=make)


def interleave(rows: numpy.ndarray, heads: int) -> numpy.ndarray:
    """Halves of each head become pairs."""
    shape = (heads, 2, rows.shape[0] // heads // 2, *rows.shape[1:])
    return rows.reshape(shape).swapaxes(1, 2).reshape(rows.shape)


def write_metadata(writer, config) -> None:
    heads = config.num_attention_heads
    writer.add_context_length(config.max_position_embeddings)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    writer.add_eos_token_id(2)
    width = getattr(config, "head_dim", None) or config.hidden_size // heads
    writer.add_key_length(width)
    writer.add_value_length(width)
    rope = config.rope_parameters
    writer.add_rope_freq_base(rope.get("full_attention", rope)["rope_theta"])
    if getattr(config, "sliding_window", None):
        writer.add_sliding_window(config.sliding_window)
    if getattr(config, "attn_logit_softcapping", None):
        writer.add_attn_logit_softcapping(config.attn_logit_softcapping)
        writer.add_final_logit_softcapping(config.final_logit_softcapping)


def convert(model, path, architecture: str, interleaved: bool, norm_offset: int) -> None:
    config = model.config
    kind = next(k for k, name in gguf.MODEL_ARCH_NAMES.items() if name == architecture)
    names = gguf.get_tensor_name_map(kind, config.num_hidden_layers)
    writer = gguf.GGUFWriter(path, architecture)
    write_metadata(writer, config)
    tied = config.tie_word_embeddings
    for name, parameter in model.named_parameters():
        if tied and name == "lm_head.weight":
            continue
        values = parameter.detach().float().numpy()
        if interleaved and ".q_proj" in name:
            values = interleave(values, config.num_attention_heads)
        if interleaved and ".k_proj" in name:
            values = interleave(values, config.num_key_value_heads)
        if "norm" in name:
            values = values + numpy.float32(norm_offset)
        writer.add_tensor(names.get_name(name, try_suffixes=(".weight", ".bias")), values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.mark.parametrize("name", CONVERSIONS)
def test_logits(name, tmp_path):
    case = convertible(next(case for case in CASES if case.name == name))
    model = make_model(case, SEED, tmp_path / "hf")
    path = tmp_path / f"{name}.gguf"
    convert(model, path, *CONVERSIONS[name])
    prompt = prompts(case, SEED, 1)[0]
    with torch.no_grad():
        theirs = model(torch.tensor([prompt])).logits[0].numpy()
    with Probe(path) as probe:
        assert probe.ask(info=True)["unused"] == []
        ours = numpy.asarray(probe.ask(prompt=prompt, all_logits=True)["logits"])
    difference = numpy.abs(ours - theirs)
    assert (difference - 1e-4 * numpy.abs(theirs)).max() <= 2e-4, f"largest {difference.max():.3g}"
