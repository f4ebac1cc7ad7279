"""Backends of the C++ core, asked prompt by prompt."""

from __future__ import annotations

from typing import Any, ClassVar

from ai_energy_benchmarks import _core
from ai_energy_benchmarks._log import LOGGER, core_logging
from ai_energy_benchmarks.backends.base import Backend
from ai_energy_benchmarks.config.parser import BenchmarkConfig
from ai_energy_benchmarks.errors import BenchmarkError

__all__ = ["NativeBackend"]

# Names that other libraries use for a parameter of generate_kwargs.
_OTHER_NAMES = {"max_tokens": "max_new_tokens", "min_tokens": "min_new_tokens"}


class NativeBackend(Backend):
    """A backend of the core. In a benchmark the core drives it without Python."""

    backend_type: ClassVar[str]

    def __init__(self, **settings: Any) -> None:
        """Takes the keys of the section `backend` of a configuration (docs/config.md)."""
        self.config = BenchmarkConfig()
        self.config.backend.type = self.backend_type
        for key, value in settings.items():
            setattr(self.config.backend, key, value)
        self._core: _core.NativeBackend | None = None
        self._loaded = False

    def __getattr__(self, name: str) -> Any:
        if name != "config" and name in type(self.config.backend).__dataclass_fields__:
            return getattr(self.config.backend, name)
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def _native(self) -> _core.NativeBackend:
        if self._core is None:
            self._core = _core.NativeBackend(self.config.to_dict())
        return self._core

    def validate_environment(self) -> bool:
        """Whether it can run here; what stands against it is logged, with the fix."""
        try:
            with core_logging():
                self._native().validate()
        except BenchmarkError as error:
            LOGGER.error("Backend validation failed: %s", error)
            return False
        return True

    def load_model(self) -> None:
        """Loads the weights; for servers, makes sure that they serve the model."""
        with core_logging():
            self._native().validate()
            self._native().load()
        self._loaded = True

    def run_inference(
        self, prompt: str, reasoning_params: dict[str, Any] | None = None, **generate_kwargs: Any
    ) -> dict[str, Any]:
        """Answers one prompt, loading the model first if that has not happened.

        Returns:
            The keys of an entry of `per_prompt_results` (docs/results.md), and `total_tokens`,
            `latency_seconds` and `model`. A failed request has `success` False and an `error`.
        """
        if not self._loaded:
            self.load_model()
        given = {_OTHER_NAMES.get(key, key): value for key, value in generate_kwargs.items()}
        scenario: dict[str, Any] = {"reasoning_params": reasoning_params}
        if given:
            scenario["generate_kwargs"] = given
        with core_logging():
            answer = self._native().run(prompt, scenario)
        tokens = [answer["prompt_tokens"], answer["completion_tokens"]]
        answer["total_tokens"] = None if None in tokens else sum(tokens)
        answer["latency_seconds"] = answer["latency_s"]
        answer["model"] = self.config.backend.model
        return answer

    def info(self) -> dict[str, Any]:
        """What the backend knows of itself: engine, device, dtype, versions."""
        return self._native().info()

    def cleanup(self) -> None:
        """Frees the model. The backend can be loaded again."""
        if self._core is not None:
            with core_logging():
                self._core.unload()
        self._core = None
        self._loaded = False
