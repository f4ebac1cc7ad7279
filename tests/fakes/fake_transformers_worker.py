#!/usr/bin/env python3
"""Stands in for a Python interpreter that runs the transformers worker; needs no packages.

Speaks the protocol of docs/transformers_engine.md and answers every prompt with the tokens 1, 2, 3 …
AIEB_FAKE_WORKER says what goes wrong: die (in the middle of an answer), hang (after its third
token), out_of_memory, or the name of a package that is missing.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import time
from typing import Any

BEHAVIOUR = os.environ.get("AIEB_FAKE_WORKER", "")
TOKEN_S = float(os.environ.get("AIEB_FAKE_TOKEN_S", "0.001"))


def send(kind: str, **values: Any) -> None:
    print(json.dumps({"type": kind, "t_ns": time.monotonic_ns(), **values}), flush=True)


def answer(command: dict[str, Any], stopped: set[int]) -> None:
    requests = command["requests"]
    ids = [request["id"] for request in requests]
    send("started", requests=[{"id": i, "prompt_tokens": 4} for i in ids])
    if BEHAVIOUR == "out_of_memory":
        send("failed", ids=ids, error_class="out_of_memory", text="OutOfMemoryError: tried 2 GiB")
        return
    tokens = 0
    while tokens < requests[0]["max_new_tokens"] and command["batch"] not in stopped:
        time.sleep(TOKEN_S)
        tokens += 1
        send("tokens", ids=ids)
        if tokens == 3 and BEHAVIOUR == "die":
            print("the roof is on fire", file=sys.stderr, flush=True)
            os.kill(os.getpid(), 9)
        while tokens == 3 and BEHAVIOUR == "hang" and command["batch"] not in stopped:
            time.sleep(0.01)
    reason = "cancelled" if command["batch"] in stopped else "length"
    for request in requests:
        send("finished", id=request["id"], token_ids=list(range(1, tokens + 1)), text="answer",
             finish_reason=reason, output_tokens=tokens)  # fmt: skip


def main() -> None:
    sys.stdin.readline()  # the worker's modules
    packages = {"torch": "2.11.0", "transformers": "5.23.0", "accelerate": "1.15.0"}
    packages.pop(BEHAVIOUR, None)
    send("hello", protocol=1, pid=os.getpid(), python="3.12", executable=sys.argv[0],
         packages=packages)  # fmt: skip
    stopped: set[int] = set()
    commands: queue.Queue[dict[str, Any] | None] = queue.Queue()

    def listen() -> None:
        for line in sys.stdin:
            command = json.loads(line)
            if command["type"] == "stop":
                stopped.add(command["batch"])
            else:
                commands.put(command)
        commands.put(None)

    threading.Thread(target=listen, daemon=True).start()
    while (command := commands.get()) is not None:
        if command["type"] == "load":
            path = os.environ.get("AIEB_FAKE_LOG")
            if path:
                with open(path, "w") as file:  # noqa: PTH123
                    json.dump({**command, "visible": os.environ["CUDA_VISIBLE_DEVICES"]}, file)
            send("loaded", device="cpu", dtype="float32", versions=packages)
        else:
            answer(command, stopped)
            send("done", batch=command["batch"])


if __name__ == "__main__":
    main()
