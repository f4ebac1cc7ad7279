"""Matrices of some megabytes, which are read in pieces and past the system's cache: every way in which a layer's
weights come into the decoder's layout (as they are, joined, transposed, in another order, stacked experts)."""

from __future__ import annotations

import os
import random

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from engine_harness import Probe, seed  # noqa: E402
from engine_models import Case, make_model  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402

pytestmark = pytest.mark.pytorch

SEED = seed()


def llama(rng: random.Random) -> dict:
    head_dim = rng.choice([64, 72])
    return {
        "num_attention_heads": 10,
        "num_key_value_heads": 5,
        "hidden_size": 10 * head_dim,
        "intermediate_size": rng.randrange(1500, 2500),
        "num_hidden_layers": 2,
        "max_position_embeddings": 128,
    }


def mixture(rng: random.Random) -> dict:
    sizes = llama(rng)
    return {**sizes, "num_local_experts": 3, "num_experts_per_tok": 2, "intermediate_size": 1000}


def gpt(rng: random.Random) -> dict:
    return {"n_layer": 2, "n_embd": 64 * rng.choice([9, 10]), "n_head": 4, "n_positions": 128}


def gpt_neox(rng: random.Random) -> dict:
    hidden = 64 * rng.choice([9, 10])
    return {
        "num_hidden_layers": 2,
        "hidden_size": hidden,
        "num_attention_heads": 8,
        "intermediate_size": 2 * hidden,
        "max_position_embeddings": 128,
    }


CASES = [
    Case("llama", "LlamaConfig", llama),
    Case("mixtral", "MixtralConfig", mixture),
    Case("gpt_oss", "GptOssConfig", lambda rng: {**mixture(rng), "head_dim": 64}),
    Case("gpt2", "GPT2Config", gpt),
    Case("gptj", "GPTJConfig", lambda rng: {**gpt(rng), "rotary_dim": 32}),
    Case("gpt_neox", "GPTNeoXConfig", gpt_neox),
]


def drop_from_cache(path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


@pytest.mark.parametrize("stored", [torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_logits_are_those_of_transformers_from_disk_and_from_the_cache(case, stored, tmp_path):
    model = make_model(case, SEED, tmp_path)
    file = tmp_path / "model.safetensors"
    weights = {name: tensor.to(stored) for name, tensor in load_file(file).items()}
    save_file(weights, file, metadata={"format": "pt"})
    assert max(tensor.nbytes for tensor in weights.values()) > 1 << 20
    model = transformers.AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32).eval()
    prompt = random.Random(SEED).choices(range(3, model.config.vocab_size), k=20)
    with torch.no_grad():
        expected = model(torch.tensor([prompt])).logits[0]
    drop_from_cache(file)
    for _ in range(2):
        with Probe(tmp_path, threads=2) as probe:
            logits = torch.tensor(probe.ask(prompt=prompt, all_logits=True)["logits"])
        torch.testing.assert_close(logits, expected, atol=2e-4, rtol=1e-4)
        load_file(file)  # fills the cache
