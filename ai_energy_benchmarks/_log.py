"""Hands the core's log lines to Python's logging, under the name of this package."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ai_energy_benchmarks import _core
from ai_energy_benchmarks.errors import ConfigError

LOGGER = logging.getLogger("ai_energy_benchmarks")
_FORMAT = "%(asctime)s %(levelname)-7s %(message)s"
_files: list[logging.Handler] = []


def level_from_environment(default: int) -> int:
    """The level that LOG_LEVEL names; raises ConfigError for another word."""
    word = os.environ.get("LOG_LEVEL", "")
    if not word:
        return default
    level = logging.getLevelName(word.upper())
    if not isinstance(level, int):
        raise ConfigError(f"LOG_LEVEL is '{word}'; known are debug, info, warning and error.")
    return level


def set_core_level() -> None:
    """Lets the core make the lines that somebody here listens to."""
    levels = [LOGGER.getEffectiveLevel(), *(handler.level for handler in _files)]
    _core.set_log_level(min(levels))


def forward() -> None:
    """Emits what the core logged since the last call, with the time when it happened."""
    for level, created, text in _core.take_log_lines():
        record = LOGGER.makeRecord(LOGGER.name, level, "(core)", 0, text, (), None)
        record.created = created
        record.msecs = created % 1 * 1000
        _emit(record)


def say(level: int, text: str) -> None:
    """A line of this package's own, in order with the core's."""
    forward()
    _emit(LOGGER.makeRecord(LOGGER.name, level, "(package)", 0, text, (), None))


def _emit(record: logging.LogRecord) -> None:
    for handler in _files:
        if record.levelno >= handler.level:
            handler.handle(record)
    if LOGGER.isEnabledFor(record.levelno):
        LOGGER.handle(record)


@contextmanager
def core_logging(log_file: Path | None = None) -> Iterator[None]:
    """Around calls of the core; with `log_file`, its lines are appended there too."""
    handler: logging.Handler | None = None
    if log_file is not None:
        handler = logging.FileHandler(log_file, encoding="utf-8")
        handler.setLevel(level_from_environment(logging.INFO))
        handler.setFormatter(logging.Formatter(_FORMAT))
        _files.append(handler)
    set_core_level()
    try:
        yield
    finally:
        forward()
        if handler is not None:
            _files.remove(handler)
            handler.close()
