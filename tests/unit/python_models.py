"""A tiny model with a tokenizer, as a local folder."""

from __future__ import annotations

from pathlib import Path

SENTENCES = [
    "The tides follow the moon, and the moon follows the earth.",
    "Question 1? Question 2? Hello world, how are you today?",
    "Bread rises because yeast makes gas from sugar.",
]


def make_tiny_model(folder: Path) -> Path:
    """A random GPT-2 of two layers with a byte-level vocabulary."""
    import torch
    import transformers
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(SENTENCES, trainer)
    wrapped = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|endoftext|>", bos_token="<|endoftext|>"
    )
    torch.manual_seed(7)
    config = transformers.GPT2Config(
        vocab_size=320, n_layer=2, n_head=2, n_embd=32, n_positions=128,
        bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    transformers.GPT2LMHeadModel(config).save_pretrained(folder)
    wrapped.save_pretrained(folder)
    return folder
