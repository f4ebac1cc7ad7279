"""Checkpoint folders: shards, damage, and weights that do not fit their configuration."""

from __future__ import annotations

import json
import random
import struct

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from engine_harness import Probe, fails_with, seed  # noqa: E402
from engine_models import CASES, make_model  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402

pytestmark = pytest.mark.pytorch

SEED = seed()
LLAMA = next(case for case in CASES if case.name == "llama")
PROMPT = [3, 14, 15, 92, 65]


@pytest.fixture
def folder(tmp_path):
    make_model(LLAMA, SEED, tmp_path)
    return tmp_path


def logits(path):
    with Probe(path) as probe:
        return probe.ask(prompt=PROMPT, all_logits=True)["logits"]


def edit_config(folder, **keys):
    path = folder / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, **keys}))


def write_header(folder, header: dict | bytes, data: bytes = b"") -> None:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)


def test_shards_give_what_one_file_gives(folder):
    whole = logits(folder)
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = sorted(weights)
    random.Random(SEED).shuffle(names)
    shards = {"a.safetensors": names[::2], "b.safetensors": names[1::2]}
    for file, part in shards.items():
        save_file({name: weights[name] for name in part}, folder / file)
    index = {"weight_map": {name: file for file, part in shards.items() for name in part}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert logits(folder) == whole


def test_older_configuration_keys_mean_the_same(folder):
    edit_config(folder, rope_parameters={"rope_type": "linear", "factor": 2.0, "rope_theta": 5e3})
    new = logits(folder)
    edit_config(folder, rope_parameters=None, rope_theta=5e3,
                rope_scaling={"type": "linear", "factor": 2.0})  # fmt: skip
    assert logits(folder) == new


def test_names_without_the_model_prefix_are_found(folder):
    whole = logits(folder)
    weights = load_file(folder / "model.safetensors")
    save_file({name.removeprefix("model."): value for name, value in weights.items()},
              folder / "model.safetensors")  # fmt: skip
    assert logits(folder) == whole


def test_text_part_of_a_multimodal_checkpoint(folder):
    whole = logits(folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(
        json.dumps({"model_type": "some_vlm", "text_config": config})
    )
    weights = load_file(folder / "model.safetensors")
    renamed = {
        name.replace("model.", "model.language_model."): value for name, value in weights.items()
    }
    save_file(
        {**renamed, "model.vision_tower.weight": torch.zeros(3)}, folder / "model.safetensors"
    )
    assert logits(folder) == whole
    with Probe(folder) as probe:
        assert probe.ask(info=True)["unused"] == ["model.vision_tower.weight"]


def test_missing_tensors_are_all_listed(folder):
    weights = load_file(folder / "model.safetensors")
    gone = ["model.layers.1.mlp.up_proj.weight", "model.norm.weight"]
    save_file({name: value for name, value in weights.items() if name not in gone},
              folder / "model.safetensors")  # fmt: skip
    code, message = fails_with(folder)
    assert code == 4
    assert all(f"missing: {name}" in message for name in gone)


def test_a_tensor_of_the_wrong_shape_is_named(folder):
    weights = load_file(folder / "model.safetensors")
    name = "model.layers.0.self_attn.o_proj.weight"
    weights[name] = torch.zeros(4, 4)
    save_file(weights, folder / "model.safetensors")
    code, message = fails_with(folder)
    assert code == 4
    assert name in message and "[4, 4]" in message


def test_an_unsupported_architecture_is_named_with_the_supported_ones(folder):
    edit_config(folder, model_type="mamba2")
    code, message = fails_with(folder)
    assert code == 4
    assert "'mamba2' is not supported" in message and "llama, mistral" in message


def test_an_absent_shard_is_named(folder):
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors.index.json").write_text(
        json.dumps({"weight_map": dict.fromkeys(weights, "model-00001-of-00002.safetensors")})
    )
    code, message = fails_with(folder)
    assert code == 4
    assert "model-00001-of-00002.safetensors" in message


@pytest.mark.parametrize("keep", [0, 5, 100, -7])
def test_a_truncated_file_is_refused(folder, keep):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    code, message = fails_with(folder)
    assert code == 4
    assert "model.safetensors" in message and "download the model again" in message


F32 = {"dtype": "F32", "shape": [2]}
BROKEN = {
    "no brace": (b"[]      ", b""),
    "not json": (b'{"a": }', b""),
    "hole": ({"a": {**F32, "data_offsets": [0, 8]}, "b": {**F32, "data_offsets": [12, 20]}}, b"\0" * 20),
    "overlap": ({"a": {**F32, "data_offsets": [0, 8]}, "b": {**F32, "data_offsets": [4, 12]}}, b"\0" * 12),
    "outside": ({"a": {**F32, "data_offsets": [0, 8]}}, b"\0" * 4),
    "trailing": ({"a": {**F32, "data_offsets": [0, 8]}}, b"\0" * 9),
    "wrong size": ({"a": {**F32, "data_offsets": [0, 4]}}, b"\0" * 4),
    "negative": ({"a": {"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]}}, b"\0" * 8),
    "overflow": ({"a": {"dtype": "F32", "shape": [2**62, 4], "data_offsets": [0, 8]}}, b"\0" * 8),
    "unknown type": ({"a": {"dtype": "Q3", "shape": [2], "data_offsets": [0, 8]}}, b"\0" * 8),
    "twice": (b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},'
              b'"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}', b"\0" * 8),
}  # fmt: skip


@pytest.mark.parametrize("kind", BROKEN)
def test_what_the_format_forbids_is_refused(folder, kind):
    write_header(folder, *BROKEN[kind])
    code, message = fails_with(folder)
    assert code == 4
    assert "model.safetensors" in message and "damaged" in message


def test_a_header_longer_than_the_limit_is_refused(folder):
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", 2**40) + b"{}")
    code, message = fails_with(folder)
    assert code == 4
    assert "header length" in message


def test_mxfp4_experts_are_those_of_transformers(tmp_path):
    """A gpt-oss checkpoint as published: experts as blocks of four-bit numbers with scales."""
    rng = torch.Generator().manual_seed(SEED % 2**31)
    config = transformers.GptOssConfig(
        vocab_size=97, hidden_size=64, intermediate_size=96, num_hidden_layers=2, head_dim=16,
        num_attention_heads=4, num_key_value_heads=2, num_local_experts=4, num_experts_per_tok=2,
        sliding_window=4, eos_token_id=2, pad_token_id=0,
    )  # fmt: skip
    torch.manual_seed(SEED % 2**31)
    transformers.GptOssForCausalLM(config).save_pretrained(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    for name in [name for name in weights if name.endswith(("gate_up_proj", "down_proj"))]:
        shape = weights.pop(name).transpose(1, 2).shape  # [experts, out, in]
        groups = shape[2] // 32
        blocks = torch.randint(0, 256, (*shape[:2], groups, 16), generator=rng, dtype=torch.uint8)
        scales = torch.randint(119, 124, (*shape[:2], groups), generator=rng, dtype=torch.uint8)
        weights[f"{name}_blocks"], weights[f"{name}_scales"] = blocks, scales
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    edit_config(tmp_path, quantization_config={"quant_method": "mxfp4"})
    model = transformers.AutoModelForCausalLM.from_pretrained(
        tmp_path, quantization_config=transformers.Mxfp4Config(dequantize=True)
    )
    with torch.no_grad():
        theirs = model.float().eval()(torch.tensor([PROMPT])).logits[0]
    ours = torch.tensor(logits(tmp_path))
    assert theirs.std() > 0.01
    assert ((ours - theirs).abs() - 1e-4 * theirs.abs()).max() <= 2e-4
