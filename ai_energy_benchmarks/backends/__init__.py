"""Backends by the names that `backend.type` takes."""

from __future__ import annotations

from ai_energy_benchmarks.backends.base import Backend
from ai_energy_benchmarks.backends.native import NativeBackend
from ai_energy_benchmarks.backends.pytorch import PyTorchBackend
from ai_energy_benchmarks.backends.vllm import OllamaBackend, OpenAIBackend, VLLMBackend

__all__ = [
    "BACKEND_REGISTRY",
    "Backend",
    "NativeBackend",
    "OllamaBackend",
    "OpenAIBackend",
    "PyTorchBackend",
    "VLLMBackend",
]

#: Add a class here to use it as `backend.type`.
BACKEND_REGISTRY: dict[str, type[Backend]] = {
    "vllm": VLLMBackend,
    "pytorch": PyTorchBackend,
    "openai": OpenAIBackend,
    "ollama": OllamaBackend,
}
