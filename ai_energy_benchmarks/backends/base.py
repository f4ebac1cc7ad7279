"""What a backend is. Derive from `Backend` to measure an engine of your own (docs/extending.md)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

__all__ = ["Backend"]


class Backend(ABC):
    """Answers prompts. It measures nothing itself: the runner times it and meters its energy.

    Set `endpoint` when the work happens in a server: then the energy is measured where that runs.
    """

    @abstractmethod
    def run_inference(
        self, prompt: str, reasoning_params: dict[str, Any] | None = None, **generate_kwargs: Any
    ) -> Any:
        """Answers one prompt.

        Args:
            prompt: The text to answer.
            reasoning_params: `scenario.reasoning_params`, or None.
            **generate_kwargs: `scenario.generate_kwargs`.

        Returns:
            A dictionary; known keys: text, success, error, prompt_tokens, completion_tokens,
            finish_reason, token_ids, ttft_s. Or a text. Or an iterator over pieces of text, one a
            token, whose arrivals are timed.

        Raises:
            Exception: The prompt counts as failed, with this message; the run goes on.
        """

    def validate_environment(self) -> bool:
        """Checks what can be checked without loading. False, or an exception, ends the run."""
        return True

    def load_model(self) -> None:
        """Makes the backend ready to answer; the energy of this counts as loading."""
        return None

    def cleanup(self) -> None:
        """Frees what `load_model` took."""
        return None
