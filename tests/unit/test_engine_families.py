"""The engine against transformers on tiny random checkpoints of every family (float32).

A different seed every run; AIEB_TEST_SEED repeats one.
"""

from __future__ import annotations

import copy

import numpy
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from engine_harness import Probe, seed  # noqa: E402
from engine_models import CASES, NEW_TOKENS, make_model, prompts  # noqa: E402

pytestmark = pytest.mark.pytorch
SEED = seed()
torch.set_num_threads(1)  # tiny matrices: waiting for a second thread costs more than it saves


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.name)
def pair(request, tmp_path_factory):
    """(case, transformers model, probe) of one family."""
    folder = tmp_path_factory.mktemp(request.param.name)
    model = make_model(request.param, SEED, folder)
    with Probe(folder) as probe:
        yield request.param, model, probe


def reference(model, batch: list[list[int]], **params):
    """New tokens that transformers makes of a left-padded batch, cut after eos."""
    width = max(map(len, batch))
    ids = torch.tensor([[0] * (width - len(row)) + row for row in batch])
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in batch])
    # A fresh copy: dynamic rotary embeddings keep their state between calls.
    out = copy.deepcopy(model).generate(
        ids, attention_mask=mask, do_sample=False, max_new_tokens=NEW_TOKENS, **params
    )
    rows = []
    for row in out[:, width:].tolist():
        rows.append(row[: row.index(2) + 1] if 2 in row else row)
    return rows


def assert_close(ours, theirs):
    ours, theirs = numpy.asarray(ours), numpy.asarray(theirs)
    excess = numpy.abs(ours - theirs) - 1e-4 * numpy.abs(theirs)
    assert excess.max() <= 2e-4, f"largest difference {numpy.abs(ours - theirs).max():.3g}"


def test_every_tensor_of_the_checkpoint_is_used(pair):
    _, _, probe = pair
    assert probe.ask(info=True)["unused"] == []


def test_logits_at_every_position(pair):
    case, model, probe = pair
    prompt = prompts(case, SEED, 1)[0]
    with torch.no_grad():
        theirs = copy.deepcopy(model)(torch.tensor([prompt])).logits[0]
    assert_close(probe.ask(prompt=prompt, all_logits=True)["logits"], theirs)


def test_greedy_tokens_of_single_prompts(pair):
    case, model, probe = pair
    for prompt in prompts(case, SEED, 3):
        ours = probe.ask(prompts=[prompt], params={"max_new_tokens": NEW_TOKENS})
        assert ours["tokens"] == reference(model, [prompt])


def test_greedy_tokens_of_a_left_padded_batch(pair):
    case, model, probe = pair
    batch = prompts(case, SEED, 4)
    ours = probe.ask(prompts=batch, params={"max_new_tokens": NEW_TOKENS})
    assert ours["tokens"] == reference(model, batch)


def test_steps_that_a_graph_can_record_make_the_same_tokens(pair):
    """Without a GPU: the same steps, run instead of replayed."""
    case, _, probe = pair
    batch = prompts(case, SEED, 4)
    requests = [
        {"prompts": [batch[0]], "params": {"max_new_tokens": NEW_TOKENS}},
        {"prompts": batch, "params": {"max_new_tokens": NEW_TOKENS}},
        {"prompts": batch[1:3], "params": {"max_new_tokens": NEW_TOKENS, "min_new_tokens": 9}},
        {"prompts": [batch[3]], "params": {"max_new_tokens": 9, "repetition_penalty": 1.2}},
    ]
    with Probe(probe.model, "--aten", "--recordable") as recordable:
        for request in requests:
            answer = recordable.ask(**request)
            assert answer["tokens"] == probe.ask(**request)["tokens"]
        assert answer["replays"] > 0 or case.name in ("llama_dynamic", "phi3_longrope")


def test_a_step_that_cannot_be_recorded_runs_all_the_same(pair):
    case, _, probe = pair
    if case.name != "llama":
        pytest.skip("the same for every family")
    request = {"prompts": prompts(case, SEED, 3), "params": {"max_new_tokens": NEW_TOKENS}}
    with Probe(probe.model, "--aten", "--unrecordable") as unrecordable:
        answer = unrecordable.ask(**request)
        assert "waits for the device" in answer["recording_problem"]
        assert answer["tokens"] == probe.ask(**request)["tokens"]
        assert unrecordable.ask(**request)["tokens"] == answer["tokens"]


def test_repetition_penalty(pair):
    case, model, probe = pair
    batch = prompts(case, SEED, 2)
    params = {"repetition_penalty": 1.3}
    ours = probe.ask(prompts=batch, params={"max_new_tokens": NEW_TOKENS, **params})
    assert ours["tokens"] == reference(model, batch, **params)


def test_eos_is_held_back_until_min_new_tokens(pair):
    case, model, probe = pair
    batch = prompts(case, SEED, 2)
    params = {"min_new_tokens": 17}
    ours = probe.ask(prompts=batch, params={"max_new_tokens": NEW_TOKENS, **params})
    assert ours["tokens"] == reference(model, batch, **params)
    assert all(len(row) >= 17 for row in ours["tokens"])


def test_without_a_cache(pair):
    case, model, probe = pair
    if case.name == "llama_dynamic":
        pytest.skip("transformers' rope state makes cached and uncached runs differ by definition")
    batch = prompts(case, SEED, 1)
    params = {"use_cache": False}
    ours = probe.ask(prompts=batch, params={"max_new_tokens": NEW_TOKENS, **params})
    assert ours["tokens"] == reference(model, batch, **params)
