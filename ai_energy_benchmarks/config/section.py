"""Sections of a configuration with checked attribute names."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

Self = TypeVar("Self", bound="Section")


def plain(value: Any) -> Any:
    """Sections and lists of them as dictionaries and lists."""
    if isinstance(value, Section):
        return value.to_dict()
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return dict(value) if isinstance(value, Mapping) else value


class Section:
    """Base of the generated classes. A name that is no key is an AttributeError with a suggestion."""

    def __setattr__(self, name: str, value: Any) -> None:
        known = getattr(type(self), "__dataclass_fields__", {})
        if name not in known and not hasattr(type(self), name):
            near = difflib.get_close_matches(name, known, n=1)
            hint = f" (did you mean '{near[0]}'?)" if near else ""
            raise AttributeError(f"{type(self).__name__} has no key '{name}'{hint}")
        current = getattr(self, name, None)
        if isinstance(current, Section) and isinstance(value, Mapping):
            current.update(value)
        else:
            object.__setattr__(self, name, value)

    def update(self, values: Mapping[str, Any]) -> None:
        """Sets keys; sections merge key by key."""
        for key, value in values.items():
            setattr(self, key, value)

    def to_dict(self) -> dict[str, Any]:
        """The section as a configuration file would hold it."""
        assert is_dataclass(self)
        return {field.name: plain(getattr(self, field.name)) for field in fields(self)}

    def __getitem__(self, key: str) -> Any:
        try:
            return getattr(self, key)
        except AttributeError:
            raise KeyError(key) from None

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a key, as of a dictionary."""
        return getattr(self, key, default)

    @classmethod
    def from_dict(cls: type[Self], values: Mapping[str, Any]) -> Self:
        """Defaults, changed by `values`."""
        section = cls()
        section.update(values)
        return section
