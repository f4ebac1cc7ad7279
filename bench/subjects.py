"""What the decoding benchmarks compare: the engine's probe and transformers, with one interface.

`generate(tokens)` continues PROMPT greedily by exactly that many tokens and returns the seconds from
the request to each of them.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

PROMPT = [(7919 * i) % 30000 + 10 for i in range(128)]  # any tokens do: the work is the same


class Engine:
    """build/<preset>/engine_probe: the engine behind the pytorch backend."""

    def __init__(
        self, build: Path, model: Path, *arguments: str, threads: int | None = None
    ) -> None:
        environment = dict(os.environ)
        if threads is not None:
            environment["OMP_NUM_THREADS"] = str(threads)
        self.process = subprocess.Popen(
            [build / "engine_probe", model, "bfloat16", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self.weight_bytes = self.ask(info=True)["bytes"]

    def ask(self, **request) -> dict:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def generate(self, tokens: int) -> list[float]:
        params = {"max_new_tokens": tokens, "ignore_eos": True, "repetition_penalty": 1.0}
        return self.ask(prompts=[PROMPT], params=params, logits=False)["seconds"]

    def close(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()


class Clock:
    """A streamer of transformers: notes when each token comes."""

    def __init__(self) -> None:
        self.start = time.perf_counter()
        self.seconds: list[float] = []
        self.seen_prompt = False

    def put(self, _) -> None:
        if self.seen_prompt:
            self.seconds.append(time.perf_counter() - self.start)
        self.seen_prompt = True

    def end(self) -> None:
        pass


class Transformers:
    """transformers' eager attention and generate(), greedy."""

    def __init__(self, model: Path, device: str = "cpu", threads: int | None = None) -> None:
        import torch
        from transformers import AutoModelForCausalLM

        if threads is not None:
            torch.set_num_threads(threads)
        self.torch = torch
        self.model = AutoModelForCausalLM.from_pretrained(
            model, dtype=torch.bfloat16, attn_implementation="eager"
        ).to(device)
        self.ids = torch.tensor([PROMPT], device=device)

    def generate(self, tokens: int) -> list[float]:
        clock = Clock()
        with self.torch.inference_mode():
            self.model.generate(
                self.ids,
                attention_mask=self.torch.ones_like(self.ids),
                do_sample=False,
                max_new_tokens=tokens,
                min_new_tokens=tokens,
                pad_token_id=0,
                streamer=clock,
            )
        return clock.seconds

    def close(self) -> None:
        del self.model
        if self.torch.cuda.is_available():
            self.torch.cuda.empty_cache()


def decode_rate(seconds: list[float]) -> float:
    """Tokens after the first over the time after the first."""
    return (len(seconds) - 1) / (seconds[-1] - seconds[0])
