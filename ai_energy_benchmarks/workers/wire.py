"""The pipe between the core and a worker: one JSON object a line (docs/transformers_engine.md)."""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

__all__ = ["Json", "ReportedError", "Send", "Wire"]

Json = dict[str, Any]
Send = Callable[..., None]


class ReportedError(Exception):
    """What the user can repair; `remedy` is "environment", "model", "config" or "memory"."""

    def __init__(self, remedy: str, text: str) -> None:
        super().__init__(text)
        self.remedy = remedy


class Wire:
    """Both ends of the pipe. Nobody else writes to it: prints of a model's code go to stderr."""

    def __init__(self, at_end: Callable[[], None]) -> None:
        """`at_end` is called, on a thread of its own, when nobody listens any more."""
        self._at_end = at_end
        self._out = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)
        self._lock = threading.Lock()
        self._commands: queue.Queue[Json] = queue.Queue()
        self._stopped_batch = -1
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for line in sys.stdin:
            command = json.loads(line)
            if command["type"] == "stop":
                self._stopped_batch = command["batch"]
            else:
                self._commands.put(command)
        self._at_end()
        os._exit(0)  # not sys.exit: the main thread may be deep inside a forward pass

    def next_command(self) -> Json:
        return self._commands.get()

    def is_stopped(self, batch: int) -> bool:
        return batch <= self._stopped_batch

    def send(self, kind: str, **values: Any) -> None:
        text = json.dumps({"type": kind, "t_ns": time.monotonic_ns(), **values})
        with self._lock:
            self._out.write(text + "\n")
            self._out.flush()
