"""The Python formatters and their registry."""

from __future__ import annotations

from pathlib import Path

import pytest

from ai_energy_benchmarks.errors import ConfigError
from ai_energy_benchmarks.formatters.base import ReasoningFormatter
from ai_energy_benchmarks.formatters.harmony import HarmonyFormatter
from ai_energy_benchmarks.formatters.parameter import ParameterFormatter
from ai_energy_benchmarks.formatters.prefix import PrefixFormatter
from ai_energy_benchmarks.formatters.registry import FormatterRegistry
from ai_energy_benchmarks.formatters.system_prompt import SystemPromptFormatter

# The table of the reference's documentation.
DOCUMENTED = [
    ("openai/gpt-oss-20b", HarmonyFormatter),
    ("HuggingFaceTB/SmolLM3-3B", SystemPromptFormatter),
    ("deepseek-ai/DeepSeek-R1", PrefixFormatter),
    ("Qwen/Qwen3-8B", ParameterFormatter),
]


@pytest.mark.parametrize(("model", "kind"), DOCUMENTED)
def test_the_registry_finds_the_documented_formats(
    model: str, kind: type[ReasoningFormatter]
) -> None:
    assert type(FormatterRegistry().get_formatter(model)) is kind


@pytest.mark.parametrize(
    "name",
    ["gpt-oss", "smollm3", "deepseek-r1", "qwen", "hunyuan", "nemotron", "exaone", "phi", "gemma"],
)
def test_every_documented_family_is_there(name: str) -> None:
    assert any(name in family for family in FormatterRegistry().families())


def test_other_models_have_none() -> None:
    assert FormatterRegistry().get_formatter("gpt2") is None
    assert FormatterRegistry().detect_model_type("gpt2") is None
    assert FormatterRegistry().detect_model_type("openai/gpt-oss-120b") == "gpt-oss"


def test_harmony_takes_the_effort() -> None:
    formatter = HarmonyFormatter()
    assert formatter.format_prompt("Why?", {"reasoning_effort": "high"}) == "Why?"
    assert formatter.get_generation_params({"reasoning_effort": "high"}) == {
        "reasoning_effort": "high"
    }


def test_a_system_prompt_holds_the_flag() -> None:
    formatter = SystemPromptFormatter(
        enable_flag="/think", disable_flag="/no_think", system_prompt_template="Use {flag}."
    )
    on = formatter.format("Why?", {"enable_thinking": True})
    assert on.messages == [
        {"role": "system", "content": "Use /think."},
        {"role": "user", "content": "Why?"},
    ]
    assert formatter.format_prompt("Why?", {"enable_thinking": False}) == "Use /no_think.\n\nWhy?"
    assert formatter.format_prompt("Why?") == "Why?"


def test_a_parameter_goes_to_the_template() -> None:
    formatter = ParameterFormatter(parameter="thinking")
    assert formatter.get_generation_params({"enable_thinking": True}) == {"thinking": True}


def test_a_prefix_begins_the_answer() -> None:
    formatter = PrefixFormatter(enable_flag="<think>\n")
    assert formatter.format("Why?", {"enable_thinking": True}).response_prefix == "<think>\n"
    assert formatter.format_prompt("Why?", {"enable_thinking": True}) == "Why?<think>\n"


def test_what_has_no_effect_is_said() -> None:
    formatter = FormatterRegistry().get_formatter("deepseek-ai/DeepSeek-R1")
    assert formatter is not None
    notices = formatter.format("Why?", {"enable_thinking": False}).notices
    assert "no effect" in notices[0]


def test_a_file_of_ones_own_needs_no_code(tmp_path: Path) -> None:
    file = tmp_path / "formats.yaml"
    file.write_text(
        'families:\n  new:\n    patterns: ["company/new"]\n    type: prefix\n    enable_flag: "<r>"\n'
    )
    formatter = FormatterRegistry(file).get_formatter("company/new-v2")
    assert isinstance(formatter, PrefixFormatter)
    with pytest.raises(ConfigError, match="wrong"):
        ReasoningFormatter(type="wrong")
