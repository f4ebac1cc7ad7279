"""Drives the worker of the transformers engine without the core."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

WORKERS = Path(__file__).resolve().parents[2] / "ai_energy_benchmarks" / "workers"

# The package itself is not imported, as in a run: that would need its extension.
START = f"""
import sys, types
for name, folder in (("ai_energy_benchmarks", {str(WORKERS.parent)!r}),
                     ("ai_energy_benchmarks.workers", {str(WORKERS)!r})):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [folder]
from ai_energy_benchmarks.workers.transformers_worker import main
main()
"""

LOAD = {
    "revision": "", "gguf_file": "", "trust_remote_code": False, "dtype": "auto", "device": "cpu",
    "device_map": None, "max_memory": None, "load_in_8bit": False, "load_in_4bit": False,
    "bnb_4bit_quant_type": "fp4", "bnb_4bit_use_double_quant": False, "bnb_4bit_compute_dtype": "float32",
    "pad_token_id": None, "threads": 1, "use_chat_template": "auto", "add_special_tokens": "auto",
}  # fmt: skip


def request(number: int, text: str, most: int, fewest: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "id": number, "text": text, "messages": [{"role": "user", "content": text}], "prefix": "",
        "template_kwargs": {}, "max_new_tokens": most, "min_new_tokens": fewest,
        "ignore_eos": False, **more,
    }  # fmt: skip


class Worker:
    """One worker process; its models come one after another."""

    def __init__(self) -> None:
        self.batch = 0
        self.process = subprocess.Popen(
            [sys.executable, "-c", START],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.hello = self.event()

    def send(self, **command: Any) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()

    def event(self) -> dict[str, Any]:
        assert self.process.stdout
        return json.loads(self.process.stdout.readline())

    def load(self, model: Path | str, **more: Any) -> dict[str, Any]:
        self.send(type="load", model=str(model), **{**LOAD, **more})
        return self.event()

    def begin(self, *requests: dict[str, Any], seed: int = 0, truncate: bool = True,
              return_logits: bool = False, **generate: Any) -> None:  # fmt: skip
        self.batch += 1
        self.send(
            type="run", batch=self.batch, seed=seed, truncate=truncate,
            return_logits=return_logits, requests=list(requests),
            generate={"do_sample": False, "use_cache": True, **generate},
        )  # fmt: skip

    def events(self) -> list[dict[str, Any]]:
        events = [self.event()]
        while events[-1]["type"] != "done":
            events.append(self.event())
        return events

    def answers(self, *requests: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
        """The events `finished`, each with the times of its tokens."""
        self.begin(*requests, **more)
        events = self.events()
        found = {e["id"]: e for e in events if e["type"] == "finished"}
        assert list(found) == [r["id"] for r in requests], events
        for answer in found.values():
            answer["times"] = []
        for event in events:
            for number in event.get("ids", []) if event["type"] == "tokens" else []:
                found[number]["times"].append(event["t_ns"])
        return list(found.values())

    def end(self) -> int:
        assert self.process.stdin
        self.process.stdin.close()
        return self.process.wait(timeout=30)
