"""Weights in files of torch.save, read without running what a pickle could run."""

from __future__ import annotations

import json
import os
import random
import zipfile

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from engine_harness import Probe, fails_with, seed  # noqa: E402
from engine_models import CASES, make_model  # noqa: E402
from safetensors.torch import load_file  # noqa: E402

pytestmark = pytest.mark.pytorch

SEED = seed()
LLAMA = next(case for case in CASES if case.name == "llama_bias")
PROMPT = [3, 14, 15, 92, 65]


@pytest.fixture
def folder(tmp_path):
    make_model(LLAMA, SEED, tmp_path)
    return tmp_path


def take_weights(folder) -> dict:
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    return weights


def logits(path):
    with Probe(path) as probe:
        assert probe.ask(info=True)["unused"] == []
        return probe.ask(prompt=PROMPT, all_logits=True)["logits"]


def as_parameters(weights):
    return {name: torch.nn.Parameter(value) for name, value in weights.items()}


def as_module_state(weights):
    """What model.state_dict() is: ordered, with metadata beside the tensors."""
    module = torch.nn.Module()
    for name, value in weights.items():
        module.register_buffer(name.replace(".", "/"), value)
    state = module.state_dict()
    for name in list(state):
        state[name.replace("/", ".")] = state.pop(name)
    return state


def as_views(weights):
    """Transposed and sliced views, and two names for one storage."""
    views = {}
    for name, value in weights.items():
        grown = torch.cat([value, value[:1]])
        views[name] = value.t().contiguous().t() if value.dim() == 2 else grown[: len(value)]
    return views


SAVED = {
    "dictionary": dict,
    "parameters": as_parameters,
    "module state": as_module_state,
    "views": as_views,
    "under state_dict": lambda weights: {"epoch": 3, "state_dict": dict(weights)},
}


@pytest.mark.parametrize("form", SAVED)
@pytest.mark.parametrize("name", ["pytorch_model.bin", "consolidated.pth"])
def test_a_saved_dictionary_gives_what_safetensors_give(folder, form, name):
    expected = logits(folder)
    torch.save(SAVED[form](take_weights(folder)), folder / name)
    torch.save({"lr": 0.1}, folder / "training_args.bin")
    assert logits(folder) == expected


def test_shards_with_an_index(folder):
    expected = logits(folder)
    weights = take_weights(folder)
    names = sorted(weights)
    random.Random(SEED).shuffle(names)
    index = {}
    for number, part in enumerate([names[::2], names[1::2]], 1):
        file = f"pytorch_model-{number:05}-of-00002.bin"
        torch.save({name: weights[name] for name in part}, folder / file)
        index |= dict.fromkeys(part, file)
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": index}))
    assert logits(folder) == expected
    (folder / "pytorch_model-00002-of-00002.bin").unlink()
    code, message = fails_with(folder)
    assert code == 4
    assert "pytorch_model-00002-of-00002.bin" in message


def test_half_precision_types_keep_their_values(folder):
    weights = {name: value.bfloat16() for name, value in take_weights(folder).items()}
    torch.save(weights, folder / "pytorch_model.bin")
    name = "model.norm.weight"
    with Probe(folder) as probe:
        assert probe.ask(tensor=name)["values"] == weights[name].float().tolist()


class Attack:
    def __init__(self, witness):
        self.witness = witness

    def __reduce__(self):
        return os.mkdir, (str(self.witness),)


def test_code_in_a_pickle_is_not_run(folder):
    weights = take_weights(folder)
    witness = folder / "it ran"
    torch.save({**weights, "attack": Attack(witness)}, folder / "pytorch_model.bin")
    code, message = fails_with(folder)
    assert code == 4
    assert "pytorch_model.bin" in message
    assert not witness.exists()


def test_files_of_before_pytorch_1_6_are_refused_with_a_remedy(folder):
    torch.save(take_weights(folder), folder / "pytorch_model.bin",
               _use_new_zipfile_serialization=False)  # fmt: skip
    code, message = fails_with(folder)
    assert code == 4
    assert "PyTorch 1.6" in message and "save_pretrained" in message


@pytest.mark.parametrize("keep", [0, 3, 1000, -100])
def test_a_truncated_file_is_refused(folder, keep):
    path = folder / "pytorch_model.bin"
    torch.save(take_weights(folder), path)
    path.write_bytes(path.read_bytes()[:keep])
    code, message = fails_with(folder)
    assert code == 4
    assert "pytorch_model.bin" in message


def test_a_tensor_larger_than_its_record_is_refused(folder):
    """The pickle says how large a storage is; the record may be shorter."""
    path = folder / "pytorch_model.bin"
    torch.save(take_weights(folder), path)
    with zipfile.ZipFile(path) as archive:
        records = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in records.items():
            archive.writestr(name, data[:4] if "/data/" in name else data)
    code, message = fails_with(folder)
    assert code == 4
    assert "pytorch_model.bin" in message
