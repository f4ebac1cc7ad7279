"""A running vLLM server."""

from __future__ import annotations

from typing import Any, ClassVar

from ai_energy_benchmarks.backends.native import NativeBackend

__all__ = ["OllamaBackend", "OpenAIBackend", "VLLMBackend"]


class VLLMBackend(NativeBackend):
    """Asks a vLLM server over HTTP, streaming."""

    backend_type: ClassVar[str] = "vllm"

    def __init__(
        self,
        endpoint: str = "http://localhost:8000/v1",
        model: str = "openai/gpt-oss-120b",
        **settings: Any,
    ) -> None:
        """Further `settings` are keys of the section `backend`, e.g. `headers`."""
        super().__init__(endpoint=endpoint, model=model, **settings)


class OpenAIBackend(VLLMBackend):
    """Asks any server that speaks OpenAI's dialect."""

    backend_type: ClassVar[str] = "openai"


class OllamaBackend(VLLMBackend):
    """Asks an Ollama server."""

    backend_type: ClassVar[str] = "ollama"
