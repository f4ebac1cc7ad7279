"""A tiny model with a tokenizer, as a local folder. Made without torch, whose import takes seconds."""

from __future__ import annotations

import json
from pathlib import Path

SENTENCES = [
    "The tides follow the moon, and the moon follows the earth.",
    "Question 1? Question 2? Hello world, how are you today?",
    "Bread rises because yeast makes gas from sugar.",
]
END = "<|endoftext|>"
VOCABULARY = 320
WIDTH = 32
POSITIONS = 128
CONFIG = {
    "architectures": ["GPT2LMHeadModel"],
    "model_type": "gpt2",
    "vocab_size": VOCABULARY,
    "n_layer": 2,
    "n_head": 2,
    "n_embd": WIDTH,
    "n_positions": POSITIONS,
    "layer_norm_epsilon": 1e-5,
    "activation_function": "gelu_new",
    "bos_token_id": 0,
    "eos_token_id": 0,
    "torch_dtype": "float32",
}


def make_tiny_model(folder: Path) -> Path:
    """A random GPT-2 of two layers with a byte-level vocabulary."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(CONFIG))
    write_tokenizer(folder)
    write_weights(folder)
    return folder


def write_tokenizer(folder: Path) -> None:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(SENTENCES, trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": END, "bos_token": END}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))


def write_weights(folder: Path) -> None:
    import numpy
    from safetensors.numpy import save_file

    random = numpy.random.default_rng(7)
    shapes = {"wte.weight": (VOCABULARY, WIDTH), "wpe.weight": (POSITIONS, WIDTH)}
    norms = ["ln_f"]
    for layer in ("h.0.", "h.1."):
        norms += [layer + "ln_1", layer + "ln_2"]
        for name, inputs, outputs in (
            ("attn.c_attn", 1, 3), ("attn.c_proj", 1, 1), ("mlp.c_fc", 1, 4), ("mlp.c_proj", 4, 1)
        ):  # fmt: skip
            shapes[f"{layer}{name}.weight"] = (inputs * WIDTH, outputs * WIDTH)
            shapes[f"{layer}{name}.bias"] = (outputs * WIDTH,)
    tensors = {name: 0.1 * random.standard_normal(shape) for name, shape in shapes.items()}
    for norm in norms:
        tensors |= {f"{norm}.weight": numpy.ones(WIDTH), f"{norm}.bias": numpy.zeros(WIDTH)}
    saved = {f"transformer.{name}": t.astype(numpy.float32) for name, t in tensors.items()}
    save_file(saved, folder / "model.safetensors", metadata={"format": "pt"})
