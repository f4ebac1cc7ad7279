"""Does a GPU's power sensor see all of the time?

Runs the same load in bursts of a few milliseconds every 100 ms, at ten phases relative to the
updates of the energy counter, and prints for each phase the mean power by the counter and by the
instant power field. A sensor that sees all of the time gives the same figure at every phase.

Needs an NVIDIA GPU that is otherwise idle, and torch.
Usage: phase.py [burst in ms, default 25] [seconds a phase, default 4]
"""

import ctypes
import sys
import time

import torch

PERIOD = 0.1
POWER_INSTANT = 186
WARM_UP_PERIODS = 10


class FieldValue(ctypes.Structure):
    """nvmlFieldValue_t."""

    _fields_ = [
        ("field", ctypes.c_uint),
        ("scope", ctypes.c_uint),
        ("timestamp", ctypes.c_longlong),
        ("latency", ctypes.c_longlong),
        ("value_type", ctypes.c_int),
        ("status", ctypes.c_int),
        ("value", ctypes.c_ulonglong),
    ]


class Gpu:
    """The first GPU, through NVML."""

    def __init__(self) -> None:
        self._nvml = ctypes.CDLL("libnvidia-ml.so.1")
        self._nvml.nvmlInit_v2()
        self._device = ctypes.c_void_p()
        self._nvml.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(self._device))

    def power_w(self) -> float:
        value = FieldValue(field=POWER_INSTANT)
        self._nvml.nvmlDeviceGetFieldValues(self._device, 1, ctypes.byref(value))
        return (value.value & 0xFFFFFFFF) / 1e3

    def energy_j(self) -> float:
        millijoules = ctypes.c_ulonglong()
        self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._device, ctypes.byref(millijoules))
        return millijoules.value / 1e3

    def next_update(self) -> float:
        """Time at which the energy counter moves."""
        old = self.energy_j()
        while self.energy_j() == old:
            time.sleep(0.001)
        return time.monotonic()


def sleep_until(t: float) -> None:
    while time.monotonic() < t:
        time.sleep(0.0002)


def bursts(gpu: Gpu, matrix: torch.Tensor, width: float, phase: float, duration: float):
    """Mean watts by the counter and by the instant field over `duration` of bursts."""
    start = gpu.next_update() + phase + PERIOD
    last = WARM_UP_PERIODS + round(duration / PERIOD)
    begin = begin_energy = 0.0
    instant = []
    for k in range(last):
        t = start + k * PERIOD
        if k == WARM_UP_PERIODS:
            sleep_until(t - 0.0045)  # a call takes about 4 ms
            begin, begin_energy = t, gpu.energy_j()
        sleep_until(t)
        while time.monotonic() < t + width:
            torch.matmul(matrix, matrix)
            torch.cuda.synchronize()
        sleep_until(t + 0.092)
        if k >= WARM_UP_PERIODS:
            instant.append(gpu.power_w())
    end = start + last * PERIOD
    sleep_until(end - 0.0045)
    counter = (gpu.energy_j() - begin_energy) / (end - begin)
    return counter, sum(instant) / len(instant)


def main() -> None:
    width = float(sys.argv[1]) * 1e-3 if len(sys.argv) > 1 else 0.025
    duration = float(sys.argv[2]) if len(sys.argv) > 2 else 4.0
    gpu = Gpu()
    matrix = torch.randn(4096, 4096, device="cuda", dtype=torch.bfloat16)
    for _ in range(200):
        torch.matmul(matrix, matrix)
    torch.cuda.synchronize()
    for step in range(10):
        counter, instant = bursts(gpu, matrix, width, step * 0.01, duration)
        print(f"phase {step * 10:2d} ms: counter {counter:6.1f} W, instant {instant:6.1f} W")


if __name__ == "__main__":
    main()
