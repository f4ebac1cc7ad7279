"""Measures what AI inference costs in energy.

    from ai_energy_benchmarks.runner import run_benchmark_from_config

    results = run_benchmark_from_config("configs/pytorch_test.yaml")
    print(results["summary"]["total_energy_wh"])

The work is done by a C++ core; this package is its interface for Python.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from pkgutil import extend_path

# The source folder finds the extension of the installed package, wherever Python was started.
__path__ = extend_path(__path__, __name__)

if importlib.util.find_spec("ai_energy_benchmarks._core") is None:
    raise ModuleNotFoundError(
        f"the compiled part of ai_energy_benchmarks is missing: {Path(__file__).parent} holds the "
        "sources, and the package is not installed in this Python. Install it: pip install .  "
        "(or a wheel of dist/, which ./build_wheel.sh makes)",
        name="ai_energy_benchmarks._core",
    )

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

_core.set_data_folder(str(Path(__file__).resolve().parent.parent))
# torch is opened from where this interpreter imports it: two copies in a process do not get along.
_core.set_package_folders([folder for folder in sys.path if folder.endswith("-packages")])
