"""Answers requests with an installed transformers: the worker behind `backend.engine: transformers`.

Speaks the protocol of docs/transformers_engine.md. All times are CLOCK_MONOTONIC nanoseconds, the
trace's clock. Nothing heavy is imported before `load`, so that imports count as loading.
"""

from __future__ import annotations

import os
import platform
import signal
import sys
import tempfile
import traceback

from ai_energy_benchmarks.workers.transformers_batch import Batch
from ai_energy_benchmarks.workers.transformers_model import (
    Model,
    installed_versions,
    is_out_of_memory,
)
from ai_energy_benchmarks.workers.wire import Json, ReportedError, Wire

PROTOCOL = 1


def unknown_settings(model: Model, settings: Json) -> list[str]:
    """Keys that `generate` does not take; some servers do."""
    known = model.transformers.GenerationConfig().to_dict().keys() | {"stop_strings"}
    return [key for key in settings if key not in known]


def load(command: Json, offload_folder: str, wire: Wire) -> Model | None:
    try:
        model = Model(command, offload_folder)
    except Exception as error:
        traceback.print_exc()
        remedy, text = "model", f"{type(error).__name__}: {error}"
        if isinstance(error, ReportedError):
            remedy, text = error.remedy, str(error)
        elif isinstance(error, ImportError):
            remedy = "environment"
        elif is_out_of_memory(error):
            remedy = "memory"
        wire.send("load_failed", remedy=remedy, text=text)
        return None
    wire.send("loaded", **model.facts())
    return model


def drop_unknown_settings(model: Model, command: Json, wire: Wire) -> None:
    for key in unknown_settings(model, command["generate"]):
        del command["generate"][key]
        wire.send("warning", text=f"transformers does not know generate_kwargs.{key}: no effect")


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the core says when to stop
    offload = tempfile.TemporaryDirectory(prefix="aieb-offload-")
    wire = Wire(at_end=offload.cleanup)
    wire.send(
        "hello",
        protocol=PROTOCOL,
        pid=os.getpid(),
        python=platform.python_version(),
        executable=sys.executable,
        packages=installed_versions(),
    )
    model: Model | None = None
    while True:
        command = wire.next_command()
        if command["type"] == "load":
            model = load(command, offload.name, wire)
        elif command["type"] == "run" and model is not None:
            drop_unknown_settings(model, command, wire)
            Batch(model, command, wire).run()
            wire.send("done", batch=command["batch"])
