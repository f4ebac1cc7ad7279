"""Measures what AI inference costs in energy.

    from ai_energy_benchmarks.runner import run_benchmark_from_config

    results = run_benchmark_from_config("configs/pytorch_test.yaml")
    print(results["summary"]["total_energy_wh"])

The work is done by a C++ core; this package is its interface for Python.
"""

from __future__ import annotations

import sys

from ai_energy_benchmarks import _core
from ai_energy_benchmarks.config.parser import BenchmarkConfig, ConfigParser
from ai_energy_benchmarks.monitor import EnergyMonitor
from ai_energy_benchmarks.results import Quantity, Results
from ai_energy_benchmarks.runner import BenchmarkRunner, run_benchmark_from_config

__version__ = _core.__version__

__all__ = [
    "BenchmarkConfig",
    "BenchmarkRunner",
    "ConfigParser",
    "EnergyMonitor",
    "Quantity",
    "Results",
    "__version__",
    "run_benchmark_from_config",
]

# torch is opened from where this interpreter imports it: two copies in a process do not get along.
_core.set_package_folders([folder for folder in sys.path if folder.endswith("-packages")])
