"""Models over several devices: against the same engine on one device and against transformers.

There is no GPU here, so GPUs are stand-ins (see engine_probe): the CPU under other names, with
weights, caches and buffers of their own. `test_a_model_over_the_cpu_and_a_gpu` runs where there is
one.
"""

from __future__ import annotations

import itertools
import json
import random

import numpy
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("accelerate")

from engine_harness import Probe, fails_with, seed  # noqa: E402
from engine_models import CASES, Case, make_model, prompts  # noqa: E402
from test_engine_families import reference  # noqa: E402
from transformers import initialization  # noqa: E402
from transformers.integrations import accelerate as theirs  # noqa: E402

pytestmark = pytest.mark.pytorch
SEED = seed()
NEW_TOKENS = 8
PARAMS = {"max_new_tokens": NEW_TOKENS, "ignore_eos": True}
BY_NAME = {case.name: case for case in CASES}
# One of each way to embed, to rotate, to attend, to mix and to end.
FAMILIES = ["llama_tied", "gpt2", "opt_350m", "gemma2", "bloom", "qwen2_moe", "deepseek_v3"]
# Without masks or rotary tables that only transformers holds, and with its order of modules.
PLANNED_ALIKE = ["llama_tied", "qwen2_moe"]
EMBEDDINGS = ("wte", "wpe", "embed_tokens", "embed_positions", "word_embeddings",
              "word_embeddings_layernorm", "project_in")  # fmt: skip


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


def ends(model) -> tuple[list[str], list[str]]:
    """Modules before and after the layers, in the order in which they run."""
    layers = layer_names(model)[0].rsplit(".", 1)[0]
    outside = [
        name
        for name, module in model.named_modules()
        if module._parameters and not name.startswith(layers)
    ]
    first = [name for name in outside if name.endswith(EMBEDDINGS)]
    return first, [name for name in outside if name not in first]


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
    runs = [device_map[n] if device_map[n] in gpus else main for n in order]
    return sum(a != b for a, b in itertools.pairwise(runs))


def assert_equal(ours, theirs, places):
    """To the last bit, since the same operations run; but for weights that are used where they lie
    in the file, whose alignment decides the order of sums."""
    assert ours["tokens"] == theirs["tokens"]
    tolerance = 1e-4 if "disk" in places else 0
    numpy.testing.assert_allclose(ours["logits"], theirs["logits"], rtol=0, atol=tolerance)


@pytest.mark.parametrize("places", [["0", "1"], ["0", "1", "2", "cpu", "disk"], ["cpu", "disk"]],
                         ids=["gpus", "offloaded", "disk"])  # fmt: skip
def test_a_random_map_gives_the_answers_of_one_device(one, places):
    case, folder, model, batch, alone, info = one
    rng = random.Random(f"{SEED}/{case.name}/{places}")
    device_map = random_map(rng, model, places)
    with Probe(folder, "--gpus", "3", "--map", json.dumps(device_map)) as probe:
        first = probe.ask(prompts=[batch[0]], params=PARAMS)
        moves = expected_moves(model, device_map)
        assert first["moves"] == moves * NEW_TOKENS, device_map
        assert_equal(first, alone[0], places)
        assert_equal(probe.ask(prompts=batch, params=PARAMS), alone[1], places)
        placed = probe.ask(info=True)
    assert placed["layers"] == [device_map[name] for name in layer_names(model)]
    assert placed["bytes_by_place"].keys() >= set(placed["layers"])
    # What is tied and mapped apart is there twice.
    assert sum(placed["bytes_by_place"].values()) == placed["bytes"] >= info["bytes"]


def test_the_answers_over_devices_are_those_of_transformers(one):
    case, folder, model, batch, _, _ = one
    rng = random.Random(f"{SEED}/{case.name}/theirs")
    device_map = random_map(rng, model, ["0", "1", "cpu", "disk"])
    with Probe(folder, "--map", json.dumps(device_map)) as probe:
        ours = probe.ask(prompts=batch, params={"max_new_tokens": 24})
    assert ours["tokens"] == reference(model, batch), device_map


def test_bytes_known_before_loading_are_those_in_memory(one):
    case, folder, _, _, _, info = one
    assert sum(info["planned_bytes"].values()) == info["bytes"]
    options = random.Random(f"{SEED}/{case.name}").choice(["bfloat16", "--8bit", "--nf4-double"])
    with Probe(folder, options) as probe:
        info = probe.ask(info=True)
    # Offset norms and router biases stay float32; some packed rows have an order beside them.
    assert sum(info["planned_bytes"].values()) == pytest.approx(info["bytes"], rel=0.08), options


@pytest.mark.parametrize("strategy", ["auto", "balanced_low_0", "sequential"])
@pytest.mark.parametrize("name", PLANNED_ALIKE)
def test_a_strategy_places_a_model_as_transformers_does(name, strategy, tmp_path):
    model = make_model(BY_NAME[name], SEED, tmp_path)
    batch = prompts(BY_NAME[name], SEED, 3)
    with torch.device("meta"), initialization.no_tie_weights():
        empty = transformers.AutoModelForCausalLM.from_config(model.config, dtype=torch.float32)
    rng = random.Random(f"{SEED}/{name}/{strategy}")
    total = sum(p.numel() * 4 for p in model.parameters())
    limits = {gpu: int(total * rng.uniform(0.3, 1.2)) for gpu in range(3)}
    if rng.random() < 0.5:
        limits["cpu"] = int(total * rng.uniform(0.2, 1))
    planned = theirs._get_device_map(empty, strategy, dict(limits), None)
    asked = json.dumps({str(place): size for place, size in limits.items()})
    options = ["--gpus", "3", "--map", json.dumps(strategy), "--max-memory", asked]
    with Probe(tmp_path, *options) as probe:
        ours = probe.ask(prompts=batch, params={"max_new_tokens": 24})
        places = probe.ask(info=True)["places"]
    assert places == {module: str(place) for module, place in planned.items()}, limits
    assert ours["tokens"] == reference(model, batch), limits


def free(**places: int) -> str:
    return json.dumps({place.removeprefix("gpu"): size for place, size in places.items()})


@pytest.fixture(scope="module")
def llama(tmp_path_factory):
    """Folder of a Llama in bfloat16 of some MB, and its bytes in float32."""
    folder = tmp_path_factory.mktemp("llama")
    config = transformers.LlamaConfig(
        vocab_size=512, hidden_size=256, intermediate_size=512, num_hidden_layers=6,
        num_attention_heads=8, num_key_value_heads=4, max_position_embeddings=4096)  # fmt: skip
    model = transformers.AutoModelForCausalLM.from_config(config)
    model.save_pretrained(folder)
    return folder, sum(p.numel() * 4 for p in model.parameters())


def test_weights_that_do_not_fit_are_refused_before_loading_with_what_would_do(llama):
    folder, total = llama
    code, text = fails_with(folder, "--map", '"cuda:0"', "--free", free(gpu0=total // 2 + 100_000, gpu1=total, cpu=0))  # fmt: skip
    assert code == 3
    assert "out of memory on GPU 0" in text
    assert (
        f"{total / 2**20:.1f} MiB are needed" in text
        or f"{total / 2**20:.2f} MiB are needed" in text
    )
    assert "load_in_8bit" in text and "load_in_4bit" in text
    assert "device_map: auto (GPU 1 has" in text
    assert "torch_dtype: bfloat16" in text
    assert "million parameters" in text
    assert "batch_size" not in text  # the weights alone are too large


def test_a_device_whose_free_memory_is_unknown_is_not_taken_for_a_full_one(llama):
    folder, total = llama
    code, text = fails_with(folder, "--map", '"auto"', "--free", free(gpu0=total, cpu=total))
    assert code == 3
    assert "free on GPU 1 cannot be found out" in text
    assert "backend.max_memory" in text


def test_remedies_that_would_not_do_are_not_named(llama):
    folder, total = llama
    code, text = fails_with(folder, "--map", '"cuda:0"', "--free", free(gpu0=total // 3, gpu1=0, cpu=0))  # fmt: skip
    assert code == 3
    assert "torch_dtype" not in text  # a half is more than a third
    assert "load_in_8bit" in text
    assert "read from disk" in text  # neither GPU 1 nor the CPU has room


def test_a_remedy_that_is_named_works(llama):
    folder, total = llama
    limits = free(gpu0=total // 3, gpu1=0, cpu=0)
    with Probe(folder, "--8bit", "--map", '"cuda:0"', "--free", limits) as probe:
        assert probe.ask(prompts=[[5, 6, 7]], params={"max_new_tokens": 2})["tokens"]


def test_a_cache_that_is_certain_to_be_needed_counts_before_loading(llama):
    folder, total = llama
    cache = 6 * 2 * 4 * 32 * 4 * 1000  # layers, keys and values, heads, width, bytes, positions
    room = free(cpu=total + 3 * cache + cache // 2)
    code, text = fails_with(folder, "--free", room, "--demand", "8,1000")
    assert code == 3
    assert "the keys and values of 8 sequences of 1000 tokens" in text
    assert "scenario.batch_size: 3" in text
    assert "at most 437 tokens" in text  # 3.5 / 8 of 1000
    with Probe(folder, "--free", room, "--demand", "3,1000") as probe:
        assert probe.ask(info=True)["parameters"]


def test_a_cache_that_does_not_fit_fails_the_batch_and_not_the_next_one(llama):
    folder, _ = llama
    with Probe(folder, "--free", free(cpu=20_000_000)) as probe:
        large = probe.ask(prompts=[[5, 6, 7]] * 8, params={"max_new_tokens": 2000})
        assert "out of memory on the CPU" in large["out_of_memory"]
        assert "scenario.batch_size: 1" in large["out_of_memory"]
        assert "beside weights of" in large["out_of_memory"]
        assert probe.ask(prompts=[[5, 6, 7]], params={"max_new_tokens": 4})["tokens"]


@pytest.mark.parametrize("device_map, problem", [
    ({"model.embed_tokens": 0, "lm_head": 0}, "no device to"),
    ({"": 0, "model.layers.1.mlp": 1}, "model.layers.1 is divided"),
    ({"": 7}, "GPU 7 is not one of backend.device_ids"),
    ({"": "tpu"}, "'tpu' is no device"),
], ids=["gap", "divided", "unknown", "no_device"])  # fmt: skip
def test_a_map_that_cannot_be_is_refused(llama, device_map, problem):
    code, text = fails_with(llama[0], "--map", json.dumps(device_map))
    assert code == 2
    assert problem in text


def test_packing_and_disk_exclude_each_other(llama):
    code, text = fails_with(llama[0], "--nf4", "--map", '{"": "disk"}')
    assert code == 2
    assert "for every token" in text


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("places", [[0, "cpu"], [0, "disk"], [0, 1]])
def test_a_model_over_the_cpu_and_a_gpu(one, places):
    if torch.cuda.device_count() <= max(p for p in places if isinstance(p, int)):
        pytest.skip("too few GPUs")
    case, folder, model, batch, _, _ = one
    rng = random.Random(f"{SEED}/{case.name}/cuda/{places}")
    device_map = random_map(rng, model, places)
    with Probe(folder, "cuda", "--map", json.dumps(device_map)) as probe:
        ours = probe.ask(prompts=batch, params={"max_new_tokens": 24})
    assert ours["tokens"] == reference(model, batch), device_map
