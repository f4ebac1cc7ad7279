"""What a reasoning formatter is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from ai_energy_benchmarks import _core

__all__ = ["FormattedPrompt", "ReasoningFormatter"]

Self = TypeVar("Self", bound="ReasoningFormatter")


@dataclass(frozen=True)
class FormattedPrompt:
    """What becomes of a prompt.

    Attributes:
        prompt: Plain text, for models without a chat template.
        messages: For models with one: [{role, content}].
        response_prefix: Text that the answer is made to begin with.
        template_kwargs: Variables of the chat template.
        request_parameters: Further top-level parameters of a server's request.
        notices: What has no effect on this model, in plain words.
    """

    prompt: str
    messages: list[dict[str, str]]
    response_prefix: str
    template_kwargs: dict[str, Any]
    request_parameters: dict[str, Any]
    notices: list[str]


class ReasoningFormatter:
    """Switches a model's reasoning, as an entry of reasoning_formats.yaml says it."""

    #: `type` of the entries that this class stands for.
    format_type: ClassVar[str] = "none"
    _ANY_MODEL: ClassVar[str] = "model"

    def __init__(self, **fields: Any) -> None:
        """Takes the fields of an entry, e.g. `enable_flag` (reasoning_formats.yaml lists them)."""
        entry = {"patterns": ["*"], "type": self.format_type, **fields}
        text = json.dumps({"families": {self.format_type: entry}}, ensure_ascii=False)
        self._bind(
            _core.FormatterRegistry.parse(text, "the formatter's arguments"), self._ANY_MODEL
        )

    @classmethod
    def of_registry(cls: type[Self], registry: _core.FormatterRegistry, model: str) -> Self:
        """The formatter of a model that a registry knows."""
        formatter = cls.__new__(cls)
        formatter._bind(registry, model)
        return formatter

    def _bind(self, registry: _core.FormatterRegistry, model: str) -> None:
        self._registry = registry
        self.model = model
        #: The entry's fields with their defaults.
        self.fields: dict[str, Any] = registry.find(model) or {}

    def format(
        self,
        prompt: str,
        reasoning_params: dict[str, Any] | None = None,
        *,
        for_server: bool = False,
    ) -> FormattedPrompt:
        """Formats a prompt; servers take some parameters in another place than templates."""
        params = reasoning_params or {}
        return FormattedPrompt(**self._registry.format(self.model, prompt, params, for_server))

    def format_prompt(self, prompt: str, reasoning_params: dict[str, Any] | None = None) -> str:
        """The prompt as plain text, with the beginning of the answer where the format sets one."""
        formatted = self.format(prompt, reasoning_params)
        return formatted.prompt + formatted.response_prefix

    def get_generation_params(
        self, reasoning_params: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Parameters that go with the request or into the chat template."""
        formatted = self.format("", reasoning_params, for_server=True)
        return {**formatted.template_kwargs, **formatted.request_parameters}
