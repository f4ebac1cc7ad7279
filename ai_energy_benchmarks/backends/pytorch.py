"""A model on this machine: in this process on libtorch, or in a worker with transformers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from ai_energy_benchmarks.backends.native import NativeBackend

__all__ = ["PyTorchBackend"]


class PyTorchBackend(NativeBackend):
    """Runs a checkpoint natively on the libraries of torch 2.11, or with transformers."""

    backend_type: ClassVar[str] = "pytorch"

    def __init__(
        self,
        model: str,
        device: str = "cuda",
        device_ids: Sequence[int] | None = None,
        torch_dtype: str = "auto",
        device_map: str | Mapping[str, Any] | None = None,
        max_memory: Mapping[Any, str] | None = None,
        load_in_8bit: bool = False,
        load_in_4bit: bool = False,
        trust_remote_code: bool = False,
        **settings: Any,
    ) -> None:
        """Further `settings` are keys of the section `backend`, e.g. `revision` or `engine`
        ("native", "transformers" or "auto")."""
        super().__init__(
            model=model,
            device=device,
            device_ids=[0] if device_ids is None else list(device_ids),
            torch_dtype=torch_dtype,
            device_map=device_map,
            max_memory=max_memory,
            load_in_8bit=load_in_8bit,
            load_in_4bit=load_in_4bit,
            trust_remote_code=trust_remote_code,
            **settings,
        )
