"""Sampled tokens are distributed as transformers' are: chi-square on a tiny model.

transformers' own processors give the exact probabilities of the first token; those of the second
depend on the first. The engine draws each many times with different seeds. A correct sampler fails
one run in a million.
"""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from engine_harness import Probe, seed  # noqa: E402
from engine_models import CASES, make_model  # noqa: E402

pytestmark = pytest.mark.pytorch
SEED = seed()
DRAWS = 4000
ROWS = 50
SETTINGS = [
    {"temperature": 1.0, "top_k": 0},
    {"temperature": 0.7, "top_k": 12},
    {"temperature": 1.6, "top_k": 0, "top_p": 0.8},
    {"temperature": 1.2, "top_k": 30, "top_p": 0.9, "repetition_penalty": 1.5},
    {"temperature": 1.1, "top_k": 0, "min_p": 0.3},
]


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    case = next(case for case in CASES if case.name == "llama")
    folder = tmp_path_factory.mktemp("llama")
    model = make_model(case, SEED, folder)
    with Probe(folder) as probe:
        yield model, probe


def probabilities(model, tokens: list[int], settings: dict):
    """What transformers' generate() would draw the next token from."""
    out = model.generate(
        torch.tensor([tokens]),
        attention_mask=torch.ones(1, len(tokens), dtype=torch.long),
        do_sample=True,
        max_new_tokens=1,
        return_dict_in_generate=True,
        output_scores=True,
        eos_token_id=None,
        pad_token_id=0,
        **settings,
    )
    return out.scores[0][0].softmax(-1).double()


def draw(probe, prompt: list[int], settings: dict, new_tokens: int) -> list[list[int]]:
    rows: list[list[int]] = []
    params = {"do_sample": True, "max_new_tokens": new_tokens, "ignore_eos": True, **settings}
    for first in range(0, DRAWS, ROWS):
        request = {"prompts": [prompt] * ROWS, "logits": False}
        rows += probe.ask(**request, params={**params, "seed": SEED % 2**31 + first})["tokens"]
    return rows


def assert_distributed(counts: list[int], expected) -> None:
    """Chi-square against the Wilson-Hilferty bound at 5 standard deviations."""
    total = sum(counts)
    impossible = [i for i, p in enumerate(expected) if p == 0 and counts[i] > 0]
    assert not impossible, f"tokens that cannot be drawn: {impossible}"
    # Rare tokens share a bin, so that every bin expects at least five.
    bins, rest_seen, rest_expected = [], 0, 0.0
    for seen, p in zip(counts, expected.tolist(), strict=True):
        if p * total >= 5:
            bins.append((seen, p * total))
        else:
            rest_seen += seen
            rest_expected += p * total
    if rest_expected >= 5:
        bins.append((rest_seen, rest_expected))
    statistic = sum((seen - want) ** 2 / want for seen, want in bins)
    freedom = max(len(bins) - 1, 1)
    spread = 2 / (9 * freedom)
    bound = freedom * (1 - spread + 5 * math.sqrt(spread)) ** 3
    assert statistic < bound, f"chi-square {statistic:.1f} of {freedom} bins, at most {bound:.1f}"


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda s: "-".join(map(str, s.values())))
def test_first_tokens(pair, settings):
    model, probe = pair
    prompt = [5, 9, 9, 31, 7]
    expected = probabilities(model, prompt, settings)
    counts = [0] * len(expected)
    for (token,) in draw(probe, prompt, settings, 1):
        counts[token] += 1
    assert_distributed(counts, expected)


def test_second_tokens_given_the_first(pair):
    model, probe = pair
    prompt, settings = [11, 3, 60], {"temperature": 0.4, "top_k": 3}
    by_first: dict[int, list[int]] = {}
    for first, second in draw(probe, prompt, settings, 2):
        by_first.setdefault(first, []).append(second)
    assert len(by_first) == 3
    for first, seconds in by_first.items():
        if len(seconds) < 100:
            continue
        expected = probabilities(model, [*prompt, first], settings)
        counts = [0] * len(expected)
        for token in seconds:
            counts[token] += 1
        assert_distributed(counts, expected)


def test_a_wrong_distribution_is_noticed(pair):
    """The test's own power: other settings than those drawn with must fail."""
    model, probe = pair
    prompt = [5, 9, 9, 31, 7]
    expected = probabilities(model, prompt, {"temperature": 1.15, "top_k": 0})
    counts = [0] * len(expected)
    for (token,) in draw(probe, prompt, {"temperature": 0.7, "top_k": 0}, 1):
        counts[token] += 1
    with pytest.raises(AssertionError, match="chi-square"):
        assert_distributed(counts, expected)
