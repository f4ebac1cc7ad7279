"""Chat templates of published models, rendered by us and by transformers.

The templates are those inside the PyPI package `trl` (Apache-2.0), which keeps the originals of
many model families and variants with `{% generation %}` marks. AIEB_CHAT_TEMPLATES may name a
further folder with .jinja files.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
from pathlib import Path

import pytest
from text_probe import Probe, ProbeError

pytest.importorskip("jinja2")
pytest.importorskip("transformers")
from transformers.utils.chat_template_utils import render_jinja_template


def template_files() -> list[Path]:
    folders = [Path(folder) for folder in [os.environ.get("AIEB_CHAT_TEMPLATES")] if folder]
    package = importlib.util.find_spec("trl")
    if package is not None:
        folders.append(Path(package.origin).parent / "chat_templates")
    return sorted(itertools.chain.from_iterable(folder.glob("*.jinja") for folder in folders))


def user(text: str) -> dict:
    return {"role": "user", "content": text}


def assistant(text: str, **more: object) -> dict:
    return {"role": "assistant", "content": text, **more}


SYSTEM = {"role": "system", "content": "Be brief. <b>No</b> \"HTML\" & no 'quotes' — ünïcode 😀."}
TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": 'Says the <weather> & "wind" of a city — é.',
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "Name"},
                "days": {"type": "integer", "enum": [1, 2, 3]},
                "unit": {"type": ["string", "null"], "default": None},
            },
            "required": ["city"],
        },
    },
}
ARGUMENTS = {"city": "Zürich", "days": 2}
CALL = {"type": "function", "function": {"name": "weather", "arguments": ARGUMENTS}}
CALL_ID = {**CALL, "id": "call12345"}
ANSWER = {
    "role": "tool",
    "name": "weather",
    "tool_call_id": "call12345",
    "content": '{"sun": true}',
}

CONVERSATIONS = {
    "one turn": [user("Hi")],
    "system": [SYSTEM, user("  Hi there\n")],
    "turns": [user("1+1?"), assistant("2"), user("And\n\n2+2?")],
    "system and turns": [SYSTEM, user("a"), assistant("b "), user("c"), assistant("d"), user("e")],
    "answered": [user("Hi"), assistant("Hello\n")],
    "thoughts": [user("Hi"), assistant("<think>\nhm\n</think>\n\nHello"), user("Go on")],
    "reasoning field": [user("Hi"), assistant("Hello", reasoning_content="hm"), user("Go on")],
    "thinking field": [user("Hi"), assistant("Hello", thinking="hm"), user("Go on")],
    "empty": [user("")],
    "parts": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
    "two users": [user("a"), user("b")],
    "developer": [{"role": "developer", "content": "Rules"}, user("Hi")],
    "tool round": [user("Sun?"), assistant("", tool_calls=[CALL_ID]), ANSWER, user("Thanks")],
    "tool answer": [user("Sun?"), assistant("", tool_calls=[CALL_ID]), ANSWER],
    "tool calls": [user("Sun?"), assistant("Let me see.", tool_calls=[CALL, CALL])],
}
SWITCHES = [
    {},
    {"enable_thinking": True},
    {"enable_thinking": False},
    {"reasoning_effort": "high"},
    {"thinking": True},
    {"builtin_tools": ["browser", "python"]},
]
SPECIAL_TOKENS = {
    "bos_token": "<s>",
    "eos_token": "</s>",
    "unk_token": "<unk>",
    "pad_token": "<pad>",
}


def theirs(template: str, messages: list, tools: list | None, prompt: bool, switches: dict):
    try:
        rendered, _ = render_jinja_template(
            [messages],
            tools=tools,
            chat_template=template,
            add_generation_prompt=prompt,
            **SPECIAL_TOKENS,
            **switches,
        )
        return rendered[0], None
    except Exception as error:
        return None, error


def ours(probe: Probe, template: str, messages: list, tools, prompt: bool, switches: dict):
    variables = {
        **SPECIAL_TOKENS,
        **switches,
        "tools": tools,
        "documents": None,
        "add_generation_prompt": prompt,
    }
    try:
        return probe("render", template=template, messages=messages, variables=variables), None
    except ProbeError as error:
        return None, error


@pytest.fixture(scope="module")
def probe():
    with Probe() as process:
        yield process


def cases(template: str):
    for messages, tools, prompt in itertools.product(
        CONVERSATIONS.values(), (None, [TOOL], [TOOL, TOOL]), (True, False)
    ):
        for switches in SWITCHES:
            if all(name in template for name in switches):
                yield messages, tools, prompt, switches


@pytest.mark.parametrize("path", template_files(), ids=lambda path: path.stem)
def test_renders_like_transformers(probe, path):
    import jinja2

    template = path.read_text(encoding="utf-8")
    rendered = 0
    for case in cases(template):
        expected, refusal = theirs(template, *case)
        text, error = ours(probe, template, *case)
        if refusal is None:
            assert error is None, f"{case}: {error}"
            assert text == expected, case
            rendered += 1
        elif type(refusal) is jinja2.exceptions.TemplateError:  # raise_exception of the template
            assert error is not None, case
            assert str(refusal) in str(error), case
    assert rendered > 0


def test_there_are_enough_published_templates():
    if importlib.util.find_spec("trl") is None:
        pytest.skip("pip install --no-deps trl==1.16.0")
    originals = [path for path in template_files() if "training" not in path.stem]
    assert len(originals) >= 12
