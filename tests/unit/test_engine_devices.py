"""Models over several devices: against the same engine on one device and against transformers.

There is no GPU here, so GPUs are stand-ins (see engine_probe): the CPU under other names, with
weights, caches and buffers of their own. `test_a_model_over_the_cpu_and_a_gpu` runs where there is
one.
"""

from __future__ import annotations

import json
import random

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from engine_harness import Probe, fails_with, seed  # noqa: E402
from engine_models import CASES, Case, make_model, prompts  # noqa: E402
from test_engine_families import reference  # noqa: E402

pytestmark = pytest.mark.pytorch
SEED = seed()
NEW_TOKENS = 8
PARAMS = {"max_new_tokens": NEW_TOKENS, "ignore_eos": True}
BY_NAME = {case.name: case for case in CASES}
# One of each way to embed, to rotate, to attend, to mix and to end.
FAMILIES = ["llama", "llama_tied", "llama_dynamic", "gpt2", "opt_350m", "phi3_longrope", "gemma2",
            "falcon_rw", "bloom", "qwen2_moe", "gpt_oss", "apertus", "llama4", "deepseek_v3"]  # fmt: skip
FAMILIES = [name for name in FAMILIES if name in BY_NAME]


@pytest.fixture(scope="module", params=FAMILIES)
def one(request, tmp_path_factory):
    """(case, folder, transformers model, answers and description of one device)."""
    case: Case = BY_NAME[request.param]
    folder = tmp_path_factory.mktemp(case.name)
    model = make_model(case, SEED, folder)
    with Probe(folder) as probe:
        batch = prompts(case, SEED, 3)
        alone = [probe.ask(prompts=[batch[0]], params=PARAMS)]
        alone.append(probe.ask(prompts=batch, params=PARAMS))
        return case, folder, model, batch, alone, probe.ask(info=True)


def ends(model) -> list[str]:
    """Modules outside of the layers, in the order in which they run."""
    names = [name for name, module in model.named_modules() if not list(module.children())]
    layers = layer_names(model)[0].rsplit(".", 1)[0]
    outside = [n for n in names if not n.startswith(layers) and dict(model.named_modules())[n]._parameters]
    last = [n for n in outside if n.endswith(("norm", "ln_f", "project_out", "final_layer_norm", "lm_head"))]
    return [n for n in outside if n not in last], last


def layer_names(model) -> list[str]:
    lists = [(n, m) for n, m in model.named_modules() if isinstance(m, torch.nn.ModuleList)]
    name, modules = max(lists, key=lambda item: (-item[0].count("."), len(item[1])))
    return [f"{name}.{i}" for i in range(len(modules))]


def random_map(rng: random.Random, model, places: list[str]) -> dict[str, str]:
    first, last = ends(model)
    return {name: rng.choice(places) for name in [*first, *layer_names(model), *last]}


def expected_moves(model, device_map: dict[str, str]) -> int:
    """Boundaries between parts that run on different devices, in one forward."""
    gpus = sorted({place for place in device_map.values() if place not in ("cpu", "disk")})
    main = gpus[0] if gpus else "cpu"
    first, last = ends(model)
    # project_in runs where the embedding is.
    order = [n for n in first if not n.endswith("project_in")] + layer_names(model) + last
    # The order of opt's ends: project_out, then the head.
    runs = [device_map[n] if device_map[n] in gpus else main for n in order]
    return sum(a != b for a, b in zip(runs, runs[1:], strict=False))


def assert_equal(ours, theirs):
    assert ours["tokens"] == theirs["tokens"]
    assert ours["logits"] == theirs["logits"]  # to the last bit: the same operations ran


@pytest.mark.parametrize("places", [["0", "1"], ["0", "1", "2", "cpu", "disk"], ["cpu", "disk"]],
                         ids=["gpus", "offloaded", "disk"])  # fmt: skip
def test_a_random_map_gives_the_answers_of_one_device(one, places):
    case, folder, model, batch, alone, info = one
    rng = random.Random(f"{SEED}/{case.name}/{places}")
    device_map = random_map(rng, model, places)
    with Probe(folder, "--gpus", "3", "--map", json.dumps(device_map)) as probe:
        first = probe.ask(prompts=[batch[0]], params=PARAMS)
        moves = expected_moves(model, device_map)
        forwards = NEW_TOKENS
        if case.name == "phi3_longrope":  # may compute its cache again
            assert first["moves"] % max(moves, 1) == 0
        else:
            assert first["moves"] == moves * forwards, device_map
        assert_equal(first, alone[0])
        assert_equal(probe.ask(prompts=batch, params=PARAMS), alone[1])
        placed = probe.ask(info=True)
    assert placed["layers"] == [device_map[name] for name in layer_names(model)]
    assert placed["bytes_by_place"].keys() >= set(placed["layers"])
    tied_apart = placed["bytes"] - info["bytes"]
    assert tied_apart >= 0


def test_the_answers_over_devices_are_those_of_transformers(one):
    case, folder, model, batch, _, _ = one
    rng = random.Random(f"{SEED}/{case.name}/theirs")
    device_map = random_map(rng, model, ["0", "1", "cpu", "disk"])
    with Probe(folder, "--map", json.dumps(device_map)) as probe:
        ours = probe.ask(prompts=batch, params={"max_new_tokens": 24})
    assert ours["tokens"] == reference(model, batch), device_map


def test_bytes_known_before_loading_are_those_in_memory(one):
    case, folder, _, _, _, info = one
    for options in [[], ["bfloat16"], ["--8bit"], ["--nf4-double"]]:
        with Probe(folder, *options) as probe:
            info = probe.ask(info=True)
        before = sum(info["planned_bytes"].values())
        # xIELU's coefficients become numbers; offset norms and router biases stay float32.
        assert before == pytest.approx(info["bytes"], rel=0.03 if options or case.name == "apertus" else 0)


@pytest.mark.parametrize("strategy", ["auto", "balanced_low_0", "sequential"])
def test_a_strategy_places_a_model_as_transformers_does(one, strategy):
    from transformers import initialization
    from transformers.integrations import accelerate as theirs

    case, folder, model, batch, alone, info = one
    if case.name in {"gpt2", "opt_350m", "deepseek_v3"}:
        pytest.skip("transformers counts masks or orders modules that are not there in this engine")
    rng = random.Random(f"{SEED}/{case.name}/{strategy}")
    with torch.device("meta"), initialization.no_tie_weights():
        empty = transformers.AutoModelForCausalLM.from_config(model.config, dtype=torch.float32)
    for _ in range(2):
        limits = {gpu: int(info["bytes"] * rng.uniform(0.3, 1.2)) for gpu in range(3)}
        if rng.random() < 0.5:
            limits["cpu"] = int(info["bytes"] * rng.uniform(0.2, 1))
        planned = theirs._get_device_map(empty, strategy, dict(limits), None)
        asked = json.dumps({str(place): size for place, size in limits.items()})
        with Probe(folder, "--gpus", "3", "--map", json.dumps(strategy), "--max-memory", asked) as probe:
            assert_equal(probe.ask(prompts=batch, params=PARAMS), alone[1])
            places = probe.ask(info=True)["places"]
        assert places == {name: str(place) for name, place in planned.items()}, limits
