"""What the C++ runner calls of a backend that is a Python class."""

from __future__ import annotations

import ctypes
import inspect
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ai_energy_benchmarks._log import LOGGER
from ai_energy_benchmarks.backends.base import Backend
from ai_energy_benchmarks.config.parser import BenchmarkConfig
from ai_energy_benchmarks.errors import SetupError

# Other names under which answers carry a value.
_ANSWER_KEYS = {
    "text": ("text", "generated_text", "output"),
    "prompt_tokens": ("prompt_tokens", "input_tokens"),
    "completion_tokens": ("completion_tokens", "output_tokens", "generated_tokens"),
    "reasoning_tokens": ("reasoning_tokens",),
    "finish_reason": ("finish_reason",),
    "token_ids": ("token_ids",),
    "ttft_s": ("ttft_s", "time_to_first_token"),
    "success": ("success",),
    "error": ("error",),
}


def accepted(function: Callable[..., Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the keyword arguments that the function names."""
    names = inspect.signature(function).parameters
    return {key: value for key, value in values.items() if key in names}


def takes_any_keyword(function: Callable[..., Any]) -> bool:
    """Whether the function has a `**kwargs`."""
    parameters = inspect.signature(function).parameters.values()
    return any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)


def make_backend(backend_class: type[Backend], config: BenchmarkConfig) -> Backend:
    """Makes the class with the keys of the section `backend` that it names, and all `options`."""
    section = config.backend.to_dict()
    options = section.pop("options") or {}
    return backend_class(**{**accepted(backend_class, section), **options})


class BackendDriver:
    """Calls a Python backend and puts its answers in one form. Runs on the runner's thread."""

    def __init__(self, backend: Backend, config: BenchmarkConfig) -> None:
        self._backend = backend
        self._config = config
        self._thread: int | None = None
        self._thread_lock = threading.Lock()
        self._failure: BaseException | None = None

    def info(self) -> dict[str, Any]:
        """What the core wants to know, as BackendInfo of src/backends/backend.h names it."""
        section = self._config.backend
        endpoint = getattr(self._backend, "endpoint", None) or ""
        device = str(getattr(self._backend, "device", "") or "")
        return {
            "type": section.type,
            "engine": type(self._backend).__name__,
            "model": str(getattr(self._backend, "model", section.model)),
            "device": endpoint or device or "cpu",
            "endpoint": endpoint,
            "in_process": not endpoint,
            "gpu_indices": list(section.device_ids) if device.startswith("cuda") else [],
        }

    def _kept(self, step: Callable[[], Any]) -> Any:
        try:
            return step()
        except BaseException as error:
            self._failure = error
            raise

    def take_failure(self) -> BaseException | None:
        """What `validate` or `load` raised; the caller of the benchmark gets it as it is."""
        failure, self._failure = self._failure, None  # the core holds this object: no cycle
        return failure

    def validate(self) -> None:
        self._kept(self._validate)

    def _validate(self) -> None:
        if self._backend.validate_environment() is False:
            name = type(self._backend).__name__
            raise SetupError(
                f"Backend validation failed: {name}.validate_environment() returned False"
            )

    def load(self) -> None:
        self._kept(self._backend.load_model)

    def unload(self) -> None:
        try:
            self._backend.cleanup()
        except BaseException as error:  # the measurement is over: its results count
            LOGGER.warning("%s.cleanup() failed: %s", type(self._backend).__name__, error)

    def run(self, prompt: str, planned: dict[str, Any]) -> dict[str, Any]:
        """Answers one prompt; `planned` are the request's generation parameters."""
        self._thread = threading.get_ident()
        infer = self._backend.run_inference
        scenario = self._config.scenario
        arguments = {
            key: planned.get(key, value) for key, value in scenario.generate_kwargs.items()
        }
        reasoning = {"reasoning_params": scenario.reasoning_params}
        if not takes_any_keyword(infer):
            arguments = accepted(infer, arguments)
            reasoning = accepted(infer, reasoning)
        try:
            return _answer(infer(prompt, **reasoning, **arguments))
        except Exception as error:
            LOGGER.debug("run_inference failed", exc_info=True)
            text = f"{type(error).__name__}: {error}"
            return {"success": False, "error": text, "error_class": "python"}
        finally:
            with self._thread_lock:
                self._thread = None

    def interrupt(self) -> None:
        """Raises KeyboardInterrupt in a request that is under way."""
        with self._thread_lock:
            if self._thread is not None:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(
                    ctypes.c_ulong(self._thread), ctypes.py_object(KeyboardInterrupt)
                )


def _answer(value: Any) -> dict[str, Any]:
    """A dictionary, a text, or an iterator over pieces of text, as the core reads it."""
    if isinstance(value, str):
        return {"text": value}
    if isinstance(value, Mapping):
        answer: dict[str, Any] = {}
        for key, names in _ANSWER_KEYS.items():
            found = [value[name] for name in names if value.get(name) is not None]
            if found:
                answer[key] = found[0]
        if value.get("error") and "success" not in value:
            answer["success"] = False
        return answer
    if isinstance(value, Iterator):
        return _streamed(value)
    raise TypeError(
        f"run_inference returned {type(value).__name__}; it must return a dictionary, a text or an "
        "iterator over pieces of text"
    )


def _streamed(pieces: Iterator[str]) -> dict[str, Any]:
    texts = []
    times = []
    for piece in pieces:
        times.append(time.monotonic_ns())  # the clock of the trace
        texts.append(piece)
    return {"text": "".join(texts), "completion_tokens": len(texts), "token_times_ns": times}
