#!/usr/bin/env python3
"""Writes ai_energy_benchmarks/config/schema.py from the core's table of options.

    PYTHONPATH=build/dev/python python tools/make_config_schema.py

A test compares the file with what this prints.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

TARGET = Path(__file__).resolve().parent.parent / "ai_energy_benchmarks" / "config" / "schema.py"

HEADER = '''"""The sections of a configuration. Made by tools/make_config_schema.py: do not edit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ai_energy_benchmarks.config.section import Section
'''

TYPES = {
    "text": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "auto_boolean": "str",
    "integer_list": "list[int]",
    "text_list": "list[str]",
    "text_map": "dict[str, str]",
    "map": "dict[str, Any]",
    "list": "list[Any]",
    "map_or_text": "dict[str, Any] | str",
}


def load_core() -> Any:
    """The extension without its package, which needs the file that is written here."""
    name = "ai_energy_benchmarks._core"
    if name in sys.modules:
        return sys.modules[name]
    package = importlib.util.find_spec("ai_energy_benchmarks")
    spec = PathFinder.find_spec(name, package.submodule_search_locations) if package else None
    if spec is None or spec.loader is None:
        sys.exit("the extension is not built: cmake --build --preset dev --target aieb_python")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def class_name(path: str) -> str:
    word = path.rsplit(".", 1)[-1]
    return "".join(part.capitalize() for part in word.split("_")) + "Config"


def tree_of(options: list[dict[str, Any]]) -> dict[str, Any]:
    """{section: {key: option or section}}"""
    root: dict[str, Any] = {}
    for option in options:
        *sections, key = option["key"].split(".")
        at = root
        for section in sections:
            at = at.setdefault(section, {})
        at[key] = option
    return root


def literal(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)


def member(key: str, option: dict[str, Any]) -> list[str]:
    kind, default = TYPES[option["type"]], option["default"]
    if option["type"] == "number" and default is not None:
        default = float(default)
    if default is None:
        declared = f"{kind} | None = None"
    elif isinstance(default, (dict, list)):
        made = type(default).__name__ if not default else f"lambda: {literal(default)}"
        declared = f"{kind} = field(default_factory={made})"
    else:
        declared = f"{kind} = {literal(default)}"
    unit = f" ({option['unit']})" if option["unit"] else ""
    return [f"    {key}: {declared}", f"    #: {option['description'].replace('`', '')}{unit}"]


def is_option(value: dict[str, Any]) -> bool:
    return isinstance(value.get("type"), str) and "default" in value


def section_class(path: str, members: dict[str, Any]) -> list[str]:
    lines: list[str] = []
    own: list[str] = []
    for key, value in members.items():
        if is_option(value):
            declaration, comment = member(key, value)
            own += [comment, declaration]
            continue
        lines += section_class(key, value)
        name = class_name(key)
        if key == "reporter":
            own.append(f"    reporters: list[{name}] = field(default_factory=lambda: [{name}()])")
        else:
            own.append(f"    {key}: {name} = field(default_factory={name})")
    where = f"The section `{path}`." if path != "benchmark" else "All sections."
    return [
        *lines,
        "",
        "",
        "@dataclass",
        f"class {class_name(path)}(Section):",
        f'    """{where}"""',
        "",
        *own,
    ]


def schema() -> str:
    text = (
        HEADER + "\n".join(section_class("benchmark", tree_of(load_core().config_options()))) + "\n"
    )
    command = [sys.executable, "-m", "ruff", "format", "--line-length", "100", "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    TARGET.write_text(schema(), encoding="utf-8")
