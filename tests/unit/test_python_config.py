"""ConfigParser and BenchmarkConfig."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest
from python_harness import clean_environment, write_config

from ai_energy_benchmarks import _core
from ai_energy_benchmarks.config.parser import BenchmarkConfig, ConfigParser
from ai_energy_benchmarks.errors import ConfigError


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    clean_environment(monkeypatch, tmp_path)


def test_a_new_configuration_holds_the_defaults_of_the_core() -> None:
    assert _core.check_config(BenchmarkConfig().to_dict()) == _core.check_config({})


def test_every_key_of_the_core_is_an_attribute() -> None:
    config = BenchmarkConfig()
    for option in _core.config_options():
        value = config
        for name in option["key"].split("."):
            value = getattr(value, name)
        assert value == option["default"] or option["default"] is None, option["key"]


def test_attributes_are_read_and_assigned() -> None:
    config = BenchmarkConfig()
    config.name = "mine"
    config.backend.type = "pytorch"
    config.backend.model = "gpt2"
    config.scenario.num_samples = 7
    config.scenario.input_shapes = {"batch_size": 3}
    config.reporter.output_file = "other.csv"
    checked = _core.check_config(config.to_dict())
    assert checked["name"] == "mine"
    assert checked["backend"]["model"] == "gpt2"
    assert checked["scenario"]["input_shapes"]["batch_size"] == 3
    assert checked["reporter"][0]["output_file"] == "other.csv"
    assert config.backend["model"] == "gpt2"


def test_a_misspelt_attribute_is_an_error_with_the_right_name() -> None:
    config = BenchmarkConfig()
    with pytest.raises(AttributeError, match="did you mean 'model'"):
        config.backend.modell = "gpt2"


def test_files_are_loaded_and_the_environment_applies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_config(tmp_path, type="vllm", model="a")
    monkeypatch.setenv("NUM_SAMPLES", "3")
    config = ConfigParser.load_config(path)
    assert config.backend.model == "a"
    assert config.scenario.num_samples == 3
    assert config.metrics.country_iso_code == "FRA"


def test_overrides_win_over_the_environment_and_leave_neighbours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_config(tmp_path, type="vllm", model="a")
    monkeypatch.setenv("NUM_SAMPLES", "3")
    overrides = {
        "scenario": {"num_samples": 20, "generate_kwargs": {"max_new_tokens": 9, "top_p": 0.5}},
        "backend": {"model": "größer: {x}", "max_memory": {0: "20GB"}},
    }
    config = ConfigParser.load_config_with_overrides(path, overrides)
    assert config.scenario.num_samples == 20
    assert config.scenario.generate_kwargs == {"max_new_tokens": 9, "top_p": 0.5}
    assert config.scenario.dataset_name == "prompts.jsonl"
    assert config.backend.model == "größer: {x}"
    assert config.backend.max_memory == {"0": "20GB"}


def test_a_missing_file_is_file_not_found() -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.yaml"):
        ConfigParser.load_config("nowhere.yaml")


def test_problems_are_value_errors_with_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("name: x\nscenario:\n  num_samples: many\n")
    with pytest.raises(ValueError, match=r"bad\.yaml:3.*num_samples") as caught:
        ConfigParser.load_config("bad.yaml")
    assert isinstance(caught.value, ConfigError)
    assert caught.value.exit_code == 2


def test_validation_says_true_or_every_problem() -> None:
    config = BenchmarkConfig()
    assert ConfigParser.validate_config(config) is True
    config.scenario.num_samples = 0
    config.backend.torch_dtype = "float8"
    with pytest.raises(ValueError, match=r"(?s)torch_dtype.*num_samples|num_samples.*torch_dtype"):
        ConfigParser.validate_config(config)


def test_a_configuration_survives_the_way_through_a_file(tmp_path: Path) -> None:
    config = BenchmarkConfig()
    config.reporter = [{"type": "csv", "output_file": "a.csv"}, {"type": "json"}]
    config.metrics.region = "california"
    (tmp_path / "again.json").write_text(json.dumps(config.to_dict()))
    again = ConfigParser.load_config("again.json")
    assert _core.check_config(again.to_dict()) == _core.check_config(config.to_dict())


def test_the_generated_classes_are_those_of_the_table() -> None:
    root = Path(__file__).resolve().parent.parent.parent
    tool = runpy.run_path(str(root / "tools" / "make_config_schema.py"))
    written = (root / "ai_energy_benchmarks" / "config" / "schema.py").read_text()
    assert written == tool["schema"](), "run tools/make_config_schema.py"
