"""The worker of the transformers engine beside transformers' own `generate`, on tiny models."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
tokenizers = pytest.importorskip("tokenizers")

from engine_harness import seed  # noqa: E402
from engine_models import VOCABULARY, Case, heads, make_model  # noqa: E402
from transformers_worker_harness import Worker, request  # noqa: E402

# The last two are families that the native engine does not have.
CASES = [
    Case("llama", "LlamaConfig", lambda r: {**heads(r), "max_position_embeddings": 4096}),
    Case("mpt", "MptConfig", lambda r: {"d_model": 32, "n_heads": 4, "n_layers": 2,
                                        "expansion_ratio": 2, "max_seq_len": 128}),
    Case("mamba", "MambaConfig", lambda r: {"hidden_size": 32, "num_hidden_layers": 2,
                                            "state_size": 4}),
]  # fmt: skip
NEW = 12


def add_tokenizer(folder: Path, template: str | None = None) -> Any:
    """Words w0, w1, …"""
    words = {f"w{i}": i for i in range(VOCABULARY)}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="w0"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    wrapped = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer)
    wrapped.chat_template = template
    wrapped.save_pretrained(folder)
    return wrapped


@pytest.fixture(scope="module")
def number() -> int:
    return seed()


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    worker = Worker()
    yield worker
    assert worker.end() == 0


@pytest.fixture(scope="module")
def models(tmp_path_factory, number) -> dict[str, tuple[Path, Any]]:
    made = {}
    for case in CASES:
        folder = tmp_path_factory.mktemp(case.name)
        made[case.name] = (folder, make_model(case, number, folder))
        add_tokenizer(folder)
    return made


@pytest.fixture
def llama(worker, models) -> tuple[Worker, Any]:
    assert worker.load(models["llama"][0])["type"] == "loaded"
    return worker, models["llama"][1]


def prompts(number: int, count: int) -> list[str]:
    rng = random.Random(number)
    words = lambda: " ".join(f"w{rng.randrange(3, VOCABULARY)}" for _ in range(rng.randint(2, 20)))
    return [words() for _ in range(count)]


def tokens_of(text: str) -> list[int]:
    return [int(word[1:]) for word in text.split()]


def theirs(model: Any, text: str, **arguments: Any) -> list[int]:
    """What `generate` gives for one prompt, up to its end."""
    ids = torch.tensor([tokens_of(text)])
    keys = {"do_sample": False, "max_new_tokens": NEW, "pad_token_id": 0, **arguments}
    out = model.generate(ids, attention_mask=torch.ones_like(ids), **keys)[0, ids.shape[1] :]
    return out.tolist()


@pytest.mark.parametrize("name", [case.name for case in CASES])
def test_tokens_are_those_of_generate(worker, models, number, name):
    folder, model = models[name]
    loaded = worker.load(folder, dtype="float32")
    assert loaded["model_type"] == name and loaded["parameters"] == model.num_parameters()
    texts = prompts(number, 3)
    alone = [worker.answers(request(i, text, NEW, 4))[0] for i, text in enumerate(texts)]
    for text, answer in zip(texts, alone, strict=True):
        assert answer["token_ids"] == theirs(model, text, min_new_tokens=4)
        assert answer["text"] == " ".join(f"w{token}" for token in answer["token_ids"])
    if name == "mamba":  # transformers' own batches differ: padding runs through the state
        return
    together = worker.answers(*(request(i, text, NEW, 4) for i, text in enumerate(texts)))
    assert [a["token_ids"] for a in together] == [a["token_ids"] for a in alone]


def test_every_token_of_every_row_has_its_time(llama, number):
    worker, _ = llama
    lengths = [5, NEW, 8]
    requests = [
        request(i, t, n, n)
        for i, (t, n) in enumerate(zip(prompts(number, 3), lengths, strict=True))
    ]
    begin = time.monotonic_ns()
    answers = worker.answers(*requests)
    for answer, length in zip(answers, lengths, strict=True):
        times = [begin, *answer["times"], answer["t_ns"], time.monotonic_ns()]
        assert times == sorted(times)
        assert len(answer["times"]) == answer["output_tokens"] == length
        assert answer["finish_reason"] == "length"


def test_eos_ends_a_row_and_min_new_tokens_holds_it_back(llama, number):
    worker, model = llama
    text = prompts(number, 1)[0]
    free = theirs(model, text, eos_token_id=None)
    eos = next(t for i, t in enumerate(free) if i >= 2 and t != 2 and t not in free[:i])
    model.generation_config.eos_token_id = [2, eos]
    folder = Path(model.config._name_or_path)
    model.generation_config.save_pretrained(folder)
    try:
        worker.load(folder)
        rows = [
            request(0, text, NEW),
            request(1, text, NEW, 6),
            request(2, text, NEW, ignore_eos=True),
        ]
        first, late, _ = (worker.answers(row)[0] for row in rows)
        assert first["token_ids"] == theirs(model, text) and first["finish_reason"] == "stop"
        assert first["token_ids"][-1] in (2, eos)
        assert late["token_ids"] == theirs(model, text, min_new_tokens=6)
        assert len(late["token_ids"]) >= 6
        # In a batch each row has its own minimum.
        both = worker.answers(rows[0], rows[1])
        assert [a["token_ids"] for a in both] == [first["token_ids"], late["token_ids"]]
        assert worker.answers(rows[2])[0]["token_ids"] == free
    finally:
        model.generation_config.eos_token_id = 2
        model.generation_config.save_pretrained(folder)


@pytest.mark.parametrize(
    "settings",
    [
        {"repetition_penalty": 1.7},
        {"no_repeat_ngram_size": 2},
        {"num_beams": 3},
        {"use_cache": False},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_settings_mean_what_they_mean_in_generate(llama, number, settings):
    worker, model = llama
    for text in prompts(number, 2):
        (answer,) = worker.answers(request(0, text, NEW), **settings)
        assert answer["token_ids"] == theirs(model, text, **settings)
        assert len(answer["times"]) >= len(answer["token_ids"])


def test_a_stop_string_ends_the_answer_and_stays_in_it(llama, number):
    worker, model = llama
    text = prompts(number, 1)[0]
    tokens = theirs(model, text)
    (answer,) = worker.answers(request(0, text, NEW), stop_strings=[f"w{tokens[4]}"])
    end = tokens.index(tokens[4]) + 1
    found = next(i + 1 for i in range(end) if f"w{tokens[4]}" in f"w{tokens[i]}")
    assert answer["token_ids"] == tokens[:found] and answer["finish_reason"] == "stop"


def test_sampling_repeats_with_its_seed_and_draws_sequences(llama, number):
    worker, _ = llama
    text = prompts(number, 1)[0]
    draw = lambda s, **more: worker.answers(
        request(0, text, NEW), seed=s, do_sample=True, temperature=1.5, **more
    )[0]
    assert draw(1)["token_ids"] == draw(1)["token_ids"] != draw(2)["token_ids"]
    several = draw(1, num_return_sequences=3)
    assert len(several["sequences"]) == 3
    assert (
        len(several["times"])
        == several["output_tokens"]
        == sum(len(sequence["token_ids"]) for sequence in several["sequences"])
    )


def test_logits_are_those_of_the_prompts_last_position(llama, number):
    worker, model = llama
    texts = prompts(number, 2)
    answers = worker.answers(*(request(i, t, 2) for i, t in enumerate(texts)), return_logits=True)
    for text, answer in zip(texts, answers, strict=True):
        with torch.inference_mode():
            logits = model(torch.tensor([tokens_of(text)])).logits[0, -1]
        torch.testing.assert_close(
            torch.tensor(answer["last_logits"]), logits, atol=1e-4, rtol=1e-4
        )


def test_a_prompt_that_is_too_long_loses_its_beginning_or_fails(worker, models, number):
    limit = worker.load(models["llama"][0])["context_length"]
    text = " ".join(f"w{3 + i % 50}" for i in range(limit))
    worker.begin(request(0, text, NEW))
    events = worker.events()
    assert events[0]["requests"][0]["prompt_tokens"] == limit - NEW
    assert "left out" in events[0]["requests"][0]["notices"][0]
    worker.begin(request(0, text, NEW), truncate=False)
    (failed, _) = worker.events()
    assert failed["error_class"] == "context_too_long" and "truncation" in failed["text"]


def test_a_stop_breaks_off_a_batch(llama, number):
    worker, _ = llama
    worker.begin(request(0, "w5 w6", 4000, 4000))
    while worker.event()["type"] != "tokens":
        pass
    worker.send(type="stop", batch=worker.batch)
    finished = next(e for e in worker.events() if e["type"] == "finished")
    assert finished["finish_reason"] == "cancelled"
    assert 0 < finished["output_tokens"] < 4000
    assert worker.answers(request(1, "w5 w6", 3, 3))[0]["finish_reason"] == "length"


def test_a_chat_template_gets_the_messages(worker, tmp_path, number):
    make_model(CASES[0], number, tmp_path)
    template = "{% for m in messages %}w7 {{ m.content }} {{ extra }}{% endfor %} w8"
    add_tokenizer(tmp_path, template)
    assert worker.load(tmp_path)["chat_template"] == "the model's"
    asked = request(0, "w5", 1, template_kwargs={"extra": "w9"}, prefix=" w6")
    worker.begin(asked, return_logits=True)
    assert worker.events()[0]["requests"][0]["prompt_token_ids"] == [7, 5, 9, 8, 6]
    worker.load(tmp_path, use_chat_template="false")
    worker.begin(asked, return_logits=True)
    assert worker.events()[0]["requests"][0]["prompt_token_ids"] == [5, 6]


def test_what_a_models_own_code_prints_does_not_disturb(worker, models, tmp_path, number):
    make_model(CASES[0], number, tmp_path)
    add_tokenizer(tmp_path)
    config = (tmp_path / "config.json").read_text()
    (tmp_path / "config.json").write_text(
        config.replace("{", '{"auto_map": {"AutoModelForCausalLM": "own.OwnModel"},', 1)
    )
    (tmp_path / "own.py").write_text(
        "import transformers\n"
        "print('hello from custom code')\n"
        "class OwnModel(transformers.LlamaForCausalLM):\n"
        "    pass\n"
    )
    assert worker.load(tmp_path, trust_remote_code=True)["model_class"] == "OwnModel"
    assert worker.answers(request(0, "w5", 3, 3))[0]["output_tokens"] == 3


def test_what_cannot_be_loaded_is_said(worker, tmp_path):
    failed = worker.load(tmp_path)
    assert failed["type"] == "load_failed" and failed["remedy"] == "model"
    assert "tokenizer" in failed["text"]
