"""GGUF files: every supported tensor type against the `gguf` package's own dequantisation, and
whole models against transformers reading the same file."""

from __future__ import annotations

import numpy
import pytest

gguf = pytest.importorskip("gguf")
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from engine_harness import Probe, fails_with, seed  # noqa: E402

pytestmark = pytest.mark.pytorch

SEED = seed()
HIDDEN, INNER, HEADS, KV_HEADS, VOCABULARY = 256, 512, 4, 2, 64
TYPES = ["F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K"]
# Byte offsets of the float16 scales in a block; the rest of a block may be any bytes.
SCALES = {
    "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0],
    "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208],
}  # fmt: skip


def random_blocks(rng, name: str, shape: tuple[int, int]) -> numpy.ndarray:
    """Bytes of a tensor of this type with every bit pattern, but small finite scales."""
    kind = gguf.GGMLQuantizationType[name]
    if name not in SCALES:
        values = rng.normal(scale=0.05, size=shape).astype(numpy.float32)
        return gguf.quants.quantize(values, kind)
    elements, size = gguf.GGML_QUANT_SIZES[kind]
    blocks = rng.integers(0, 256, (shape[0] * shape[1] // elements, size), dtype=numpy.uint8)
    spread = 1000 if name.endswith("_K") else 120  # K types multiply the scale by 6 or 8 bits
    for offset in SCALES[name]:
        scale = (rng.normal(size=len(blocks)) / spread).astype(numpy.float16)
        blocks[:, offset : offset + 2] = scale.view(numpy.uint8).reshape(-1, 2)
    return blocks.reshape(shape[0], -1)


def write_model(path, name: str, *, architecture: str = "llama"):
    """A one-layer model whose matrices have the named type; returns the stored bytes by name."""
    rng = numpy.random.default_rng(SEED)
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_context_length(128)
    writer.add_block_count(1)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(HIDDEN // HEADS)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(VOCABULARY)
    writer.add_eos_token_id(2)
    kv_width = HIDDEN // HEADS * KV_HEADS
    shapes = {
        "token_embd": (VOCABULARY, HIDDEN),
        "output": (VOCABULARY, HIDDEN),
        "blk.0.attn_q": (HIDDEN, HIDDEN),
        "blk.0.attn_k": (kv_width, HIDDEN),
        "blk.0.attn_v": (kv_width, HIDDEN),
        "blk.0.attn_output": (HIDDEN, HIDDEN),
        "blk.0.ffn_gate": (INNER, HIDDEN),
        "blk.0.ffn_up": (INNER, HIDDEN),
        "blk.0.ffn_down": (HIDDEN, INNER),
    }
    kind = gguf.GGMLQuantizationType[name]
    stored = {}
    for tensor, shape in shapes.items():
        stored[tensor] = random_blocks(rng, name, shape)
        writer.add_tensor(f"{tensor}.weight", stored[tensor], raw_dtype=kind)
    for norm in ("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"):
        writer.add_tensor(f"{norm}.weight", rng.normal(1, 0.1, HIDDEN).astype(numpy.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return stored


@pytest.mark.parametrize("name", TYPES)
def test_elements_are_those_of_the_gguf_package(name, tmp_path):
    path = tmp_path / f"{name}.gguf"
    stored = write_model(path, name)
    expected = gguf.quants.dequantize(
        stored["blk.0.ffn_down"], gguf.GGMLQuantizationType[name]
    ).reshape(HIDDEN, INNER)
    with Probe(path) as probe:
        answer = probe.ask(tensor="model.layers.0.mlp.down_proj.weight")
    assert answer["shape"] == [HIDDEN, INNER]
    ours = numpy.asarray(answer["values"], dtype=numpy.float32).reshape(HIDDEN, INNER)
    numpy.testing.assert_allclose(ours, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", ["F32", "Q4_1", "Q6_K"])
def test_a_model_gives_the_logits_that_transformers_gives(name, tmp_path):
    path = tmp_path / f"{name}.gguf"
    write_model(path, name)
    config = transformers.LlamaConfig(
        hidden_size=HIDDEN, intermediate_size=INNER, num_hidden_layers=1, rms_norm_eps=1e-5,
        num_attention_heads=HEADS, num_key_value_heads=KV_HEADS, vocab_size=VOCABULARY,
        max_position_embeddings=128,
    )  # fmt: skip
    model = transformers.AutoModelForCausalLM.from_pretrained(
        tmp_path, gguf_file=path.name, config=config, dtype=torch.float32
    ).eval()
    prompt = numpy.random.default_rng(SEED).integers(3, VOCABULARY, 20).tolist()
    with torch.no_grad():
        theirs = model(torch.tensor([prompt])).logits[0].numpy()
    with Probe(path) as probe:
        ours = numpy.asarray(probe.ask(prompt=prompt, all_logits=True)["logits"])
    # Rounding errors have the size of the largest terms of a sum, which may cancel to a small logit.
    scale = max(1, numpy.abs(theirs).max() / 10)
    assert (numpy.abs(ours - theirs) - 1e-4 * numpy.abs(theirs)).max() <= 2e-4 * scale


def test_llama_3_rope_factors_are_applied(tmp_path):
    path = tmp_path / "plain.gguf"
    write_model(path, "F32")
    plain = gguf.GGUFReader(path)
    scaled = tmp_path / "scaled.gguf"
    writer = gguf.GGUFWriter(scaled, "llama")
    for field in plain.fields.values():
        if not field.name.startswith("GGUF.") and field.name != "general.architecture":
            writer.add_key_value(field.name, field.contents(), field.types[0])
    for tensor in plain.tensors:
        writer.add_tensor(tensor.name, numpy.array(tensor.data))
    factors = numpy.linspace(1, 8, HIDDEN // HEADS // 2, dtype=numpy.float32)
    writer.add_tensor("rope_freqs.weight", factors)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    prompt = list(range(3, 40))
    with Probe(path) as a, Probe(scaled) as b:
        plain_logits = a.ask(prompt=prompt, all_logits=True)["logits"][-1]
        scaled_logits = b.ask(prompt=prompt, all_logits=True)["logits"][-1]
        assert b.ask(info=True)["unused"] == []
    assert numpy.abs(numpy.subtract(plain_logits, scaled_logits)).max() > 1e-3


def test_an_unsupported_architecture_is_named_with_the_supported_ones(tmp_path):
    path = tmp_path / "other.gguf"
    write_model(path, "F32", architecture="mamba")
    code, message = fails_with(path)
    assert code == 4
    assert "'mamba' is not supported" in message and "llama" in message


@pytest.mark.parametrize("cut", [3, 40, 2000, -100])
def test_a_truncated_file_is_refused(cut, tmp_path):
    path = tmp_path / "whole.gguf"
    write_model(path, "Q8_0")
    short = tmp_path / "short.gguf"
    short.write_bytes(path.read_bytes()[:cut])
    code, message = fails_with(short)
    assert code == 4
    assert "short.gguf" in message and "download the model again" in message
