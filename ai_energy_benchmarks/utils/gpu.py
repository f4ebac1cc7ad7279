"""NVIDIA GPUs of this machine, as the driver names them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ai_energy_benchmarks import _core

__all__ = ["Gpu", "get_gpu_info", "gpu_problem", "is_gpu_available", "list_gpus"]


@dataclass(frozen=True)
class Gpu:
    """One GPU. `index` is nvidia-smi's, which CUDA_VISIBLE_DEVICES does not change."""

    index: int
    name: str
    uuid: str
    memory_bytes: int | None


def list_gpus() -> list[Gpu]:
    """All of them; empty without a driver."""
    return [Gpu(**device) for device in _core.probe_gpus()["devices"]]


def gpu_problem() -> str:
    """Why `device: cuda` cannot work here, with the fix; empty when it can."""
    problem: str = _core.probe_gpus()["problem"]
    return problem


def is_gpu_available() -> bool:
    """Whether `device: cuda` can work here."""
    return not gpu_problem()


def get_gpu_info() -> dict[str, Any]:
    """Driver and devices: driver_found, driver_version, cuda_driver_version, devices, problem."""
    return _core.probe_gpus()
