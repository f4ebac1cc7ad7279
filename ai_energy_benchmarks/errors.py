"""What can end a benchmark: one class per remedy. The message says what happened, where, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ai_energy_benchmarks.results import Results

__all__ = [
    "BenchmarkError",
    "BenchmarkInterrupted",
    "ConfigError",
    "DataError",
    "ModelError",
    "ServerError",
    "SetupError",
]


class BenchmarkError(Exception):
    """Base of all errors of this package.

    Attributes:
        exit_code: What the command line would exit with (docs/exit_codes.md).
    """

    def __init__(self, message: str, exit_code: int = 70) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class ConfigError(BenchmarkError, ValueError):
    """Change the configuration."""

    def __init__(self, message: str, exit_code: int = 2) -> None:
        super().__init__(message, exit_code)


class SetupError(BenchmarkError, RuntimeError):
    """Change the machine: install, permit, free space."""

    def __init__(self, message: str, exit_code: int = 3) -> None:
        super().__init__(message, exit_code)


class ModelError(BenchmarkError):
    """Choose or repair the model's files."""

    def __init__(self, message: str, exit_code: int = 4) -> None:
        super().__init__(message, exit_code)


class DataError(BenchmarkError, ValueError):
    """Choose or repair the prompts, the trace or the results file."""

    def __init__(self, message: str, exit_code: int = 4) -> None:
        super().__init__(message, exit_code)


class ServerError(BenchmarkError, ConnectionError):
    """Look at the server."""

    def __init__(self, message: str, exit_code: int = 5) -> None:
        super().__init__(message, exit_code)


class BenchmarkInterrupted(KeyboardInterrupt):
    """Ctrl-C stopped the run.

    Attributes:
        results: Of the prompts that were finished; the reports are written from them.
    """

    def __init__(self, results: Results) -> None:
        super().__init__("stopped by the user; what was measured is kept")
        self.results = results
