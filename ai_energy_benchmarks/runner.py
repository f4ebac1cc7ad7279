"""Runs benchmarks.

from ai_energy_benchmarks.runner import run_benchmark_from_config

results = run_benchmark_from_config("configs/pytorch_test.yaml")
print(results["summary"]["total_energy_wh"])
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ai_energy_benchmarks import _core
from ai_energy_benchmarks._driver import BackendDriver, make_backend
from ai_energy_benchmarks._log import core_logging, forward, say
from ai_energy_benchmarks._progress import ProgressBar, ProgressCallback, choose_progress
from ai_energy_benchmarks.backends import (
    BACKEND_REGISTRY,
    Backend,
    NativeBackend,
    PyTorchBackend,
    VLLMBackend,
)
from ai_energy_benchmarks.config.parser import BenchmarkConfig, ConfigParser
from ai_energy_benchmarks.errors import BenchmarkError, BenchmarkInterrupted, ConfigError
from ai_energy_benchmarks.metrics import METRICS_REGISTRY
from ai_energy_benchmarks.reporters import REPORTER_REGISTRY, CSVReporter
from ai_energy_benchmarks.results import Results

__all__ = [
    "BACKEND_REGISTRY",
    "METRICS_REGISTRY",
    "REPORTER_REGISTRY",
    "Backend",
    "BenchmarkRunner",
    "PyTorchBackend",
    "VLLMBackend",
    "run_benchmark_from_config",
]

# How often Python looks for signals, log lines and progress while the core works.
_POLL_S = 0.05
# Exit code of what was stopped by the user (docs/exit_codes.md).
_INTERRUPTED = 130


class BenchmarkRunner:
    """One benchmark: load, idle power, warm-up, measure, report."""

    def __init__(
        self,
        config: BenchmarkConfig,
        *,
        progress: bool | ProgressCallback | None = None,
        trace: str | os.PathLike[str] | None = None,
    ) -> None:
        """
        Args:
            config: What to run. Later changes of it count until `run` is called.
            progress: True or False; None shows a bar of tqdm on terminals and in notebooks; or a
                function that is called a few times a second with a dictionary: phase,
                prompts_done, prompts_failed, prompts_total, tokens, tokens_per_s, watts,
                elapsed_s, remaining_s.
            trace: Record to this new file instead of one below `output_dir`/runs.
        """
        self.config = config
        self._progress = progress
        self._trace = "" if trace is None else os.fspath(trace)

    def validate(self) -> bool:
        """Checks the configuration and its names; raises ConfigError."""
        ConfigParser.validate_config(self.config)
        self._driver_class()
        self._own_reporters()
        self._wanted_collectors()
        return True

    def run(self) -> Results:
        """Runs the benchmark and writes its reports.

        Returns:
            The results document: summary, energy, per_prompt_results, gpu_stats and more.

        Raises:
            BenchmarkError: No result could be had. Prompts that failed are no error.
            BenchmarkInterrupted: Ctrl-C was pressed; it carries the results of what was answered.
                Before anything was measured it is a plain KeyboardInterrupt.
                A second Ctrl-C also ends a request of a Python backend that is under way.
        """
        self.validate()
        own_reporters = self._own_reporters()
        values = _core.check_config(self.config.to_dict())
        native = {
            **values,
            "reporter": [r for r in values["reporter"] if r["type"] not in own_reporters],
        }
        log_file = Path(values["output_dir"]) / "benchmark.log"
        _core.require_reports_writable(native)
        _core.require_writable(str(log_file))
        log_file.parent.mkdir(parents=True, exist_ok=True)
        with core_logging(log_file):
            results, interrupted = self._measure(values, native, str(log_file))
            for entry in values["reporter"]:
                if entry["type"] in own_reporters:
                    results["files"][entry["type"]] = entry["output_file"]
                    _report(own_reporters[entry["type"]], entry, results)
        if interrupted:
            raise BenchmarkInterrupted(results)
        return results

    def _measure(
        self, values: dict[str, Any], native: dict[str, Any], log_file: str
    ) -> tuple[Results, bool]:
        backend_class = self._driver_class()
        driver = None
        if backend_class is not None:
            driver = BackendDriver(make_backend(backend_class, self.config), self.config)
            scenario = self.config.scenario
            if scenario.load.mode != "sequential" or scenario.input_shapes.batch_size > 1:
                say(
                    logging.WARNING,
                    "requests of a backend in Python are made one after the other: scenario.load "
                    "and scenario.input_shapes.batch_size have no effect",
                )
        collectors = {
            name: METRICS_REGISTRY[name](**(options or {}))
            for name, options in self._wanted_collectors().items()
        }
        say(logging.INFO, f"ai_energy_benchmarks {_core.__version__} runs {values['name']}")
        run = _core.Run(values, driver, collectors, self._trace)
        interrupted = _attend(run, driver, choose_progress(self._progress))
        try:
            outcome = run.outcome()
        except Exception as error:
            say(logging.INFO, f"the run failed: {error}")
            if isinstance(error, BenchmarkError) and error.exit_code == _INTERRUPTED:
                raise KeyboardInterrupt(str(error)) from None
            failure = None if driver is None else driver.take_failure()
            raise (failure or error) from None
        say(logging.INFO, f"the run is recorded in {outcome['trace_path']}")
        if outcome["error"]:
            say(logging.ERROR, outcome["error"])
        document = outcome["results"]
        document["files"].update(run.write_reports(native, log_file))
        _join_collected(document)
        return Results(document, outcome["exit_code"], outcome["error"]), interrupted

    def _driver_class(self) -> type[Backend] | None:
        """The Python class behind `backend.type`; None: the core's own backend."""
        name = self.config.backend.type
        found = BACKEND_REGISTRY.get(name)
        if found is None:
            if name in _core.backend_names():
                return None
            raise ConfigError(
                f"backend.type: '{name}' is not a backend; use one of {', '.join(BACKEND_REGISTRY)}, "
                "or add your class to BACKEND_REGISTRY"
            )
        core_class = issubclass(found, NativeBackend) and found.backend_type == name
        return (
            None if core_class and found.__module__.startswith("ai_energy_benchmarks.") else found
        )

    def _own_reporters(self) -> dict[str, type[Any]]:
        """The Python classes among the configured reporters."""
        own: dict[str, type[Any]] = {}
        for entry in self.config.reporters:
            found = REPORTER_REGISTRY.get(entry.type)
            if found is None and entry.type not in _core.reporter_names():
                known = sorted({*REPORTER_REGISTRY, *_core.reporter_names()})
                raise ConfigError(
                    f"reporter.type: '{entry.type}' is not a reporter; use one of "
                    f"{', '.join(known)}, or add your class to REPORTER_REGISTRY"
                )
            if found is not None and found is not CSVReporter:
                own[entry.type] = found
        return own

    def _wanted_collectors(self) -> dict[str, Any]:
        """{name: arguments} of metrics.collectors, and metrics.type unless that is codecarbon."""
        wanted: dict[str, Any] = dict(self.config.metrics.collectors or {})
        if (
            self.config.metrics.type in METRICS_REGISTRY
            and self.config.metrics.type != "codecarbon"
        ):
            wanted.setdefault(self.config.metrics.type, None)
        unknown = [name for name in wanted if name not in METRICS_REGISTRY]
        if unknown:
            raise ConfigError(
                f"metrics.collectors: '{unknown[0]}' is not a collector; use one of "
                f"{', '.join(METRICS_REGISTRY)}, or add your class to METRICS_REGISTRY"
            )
        return wanted


def _report(reporter: type[Any], entry: dict[str, Any], results: Results) -> None:
    """Lets a reporter of the user's write; an error of it names what is kept."""
    try:
        reporter(entry["output_file"]).report(results)
    except Exception as error:
        raise BenchmarkError(
            f"the reporter '{entry['type']}' failed: {type(error).__name__}: {error}\n"
            f"The run is recorded: Results.from_trace('{results['files']['trace']}') has its "
            "results",
            exit_code=3,
        ) from error


def _attend(run: _core.Run, driver: BackendDriver | None, show: ProgressCallback | None) -> bool:
    """Waits for the end of a run. True: Ctrl-C asked for it."""
    interrupted = False
    try:
        while True:
            try:
                if run.wait(_POLL_S):
                    return interrupted
                forward()
                progress = run.take_progress()
                if show is not None and progress is not None:
                    show(progress)
            except KeyboardInterrupt:
                if interrupted and driver is not None:
                    driver.interrupt()
                interrupted = True
                run.stop()
    finally:
        if isinstance(show, ProgressBar):
            show.close()


def _join_collected(document: dict[str, Any]) -> None:
    """Plain values of collectors stand in the summary too, where no key of ours has their name."""
    for values in document["collected"].values():
        if isinstance(values, Mapping):
            for key, value in values.items():
                if not isinstance(value, (dict, list)):
                    document["summary"].setdefault(key, value)


def run_benchmark_from_config(
    config_path: str | os.PathLike[str],
    overrides: Mapping[str, Any] | None = None,
    *,
    progress: bool | ProgressCallback | None = None,
) -> Results:
    """Runs the benchmark that a file describes.

    Args:
        config_path: YAML or JSON.
        overrides: Nested as in a file, e.g. {"scenario": {"num_samples": 20}}.
        progress: See `BenchmarkRunner`.

    Returns:
        See `BenchmarkRunner.run`.
    """
    config = ConfigParser.load_config_with_overrides(config_path, overrides)
    return BenchmarkRunner(config, progress=progress).run()
