"""Logging of the package and its core."""

from __future__ import annotations

import logging
from pathlib import Path

from ai_energy_benchmarks._log import LOGGER, level_from_environment

__all__ = ["get_logger", "setup_logging"]

_FORMAT = "%(asctime)s - %(name)s - %(levelname)s - %(message)s"


def setup_logging(
    level: int | str | None = None, log_file: str | Path | None = None
) -> logging.Logger:
    """Shows log lines on stderr and, if given, in a file.

    Args:
        level: A level of Python's logging; None: LOG_LEVEL, else INFO.
        log_file: Appended to; its folder is made.

    Returns:
        The package's logger.
    """
    handlers: list[logging.Handler] = [logging.StreamHandler()]
    if log_file is not None:
        Path(log_file).parent.mkdir(parents=True, exist_ok=True)
        handlers.append(logging.FileHandler(log_file, encoding="utf-8"))
    for old in LOGGER.handlers[:]:
        LOGGER.removeHandler(old)
        old.close()
    for handler in handlers:
        handler.setFormatter(logging.Formatter(_FORMAT))
        LOGGER.addHandler(handler)
    LOGGER.setLevel(level_from_environment(logging.INFO) if level is None else level)
    LOGGER.propagate = False
    return LOGGER


def get_logger(name: str) -> logging.Logger:
    """A logger below the package's."""
    return LOGGER.getChild(name.removeprefix(f"{LOGGER.name}."))
