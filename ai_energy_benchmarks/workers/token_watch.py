"""Listens to `generate`: which tokens of which rows exist, and since when."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ai_energy_benchmarks.workers.transformers_model import Model
from ai_energy_benchmarks.workers.wire import Json, Send

__all__ = ["Row", "late_eos", "step_watch", "token_watch"]


class Row:
    """One sequence of a batch. `tokens` grow as they arrive; `finish` says why they no longer do."""

    def __init__(self, request: Json, model: Model, stop_strings: list[str]) -> None:
        self.request = request
        self.tokens: list[int] = []
        self.finish = ""
        self._model = model
        self._eos = set() if request["ignore_eos"] else set(model.eos())
        self._stop_strings = stop_strings

    def take(self, tokens: list[int]) -> int:
        """How many of these new tokens belong to the answer."""
        for taken, token in enumerate(tokens):
            if self.finish:
                return taken
            self.tokens.append(token)
            if token in self._eos or self._has_stop_string():
                self.finish = "stop"
            elif len(self.tokens) >= self.request["max_new_tokens"]:
                self.finish = "length"
        return len(tokens)

    def _has_stop_string(self) -> bool:
        if not self._stop_strings:
            return False
        text = self._model.decode(self.tokens)
        return any(string in text for string in self._stop_strings)


def token_watch(model: Model, rows: list[Row], stopped: Callable[[], bool], send: Send) -> Any:
    """A stopping criterion that notes when the tokens of which rows are known to the host."""
    criterion: Any = model.transformers.StoppingCriteria

    class TokenWatch(criterion):  # type: ignore[misc]
        def __init__(self, width: int) -> None:
            self.width = width

        def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
            new = input_ids[:, self.width :].tolist()  # waits for the device
            now = time.monotonic_ns()
            self.width = input_ids.shape[1]
            arrived: list[int] = []
            for row, tokens in zip(rows, new, strict=True):
                arrived += [row.request["id"]] * row.take(tokens)
            if arrived:
                send("tokens", t_ns=now, ids=arrived)
            if stopped():
                for row in rows:
                    row.finish = row.finish or "cancelled"
            done = [bool(row.finish) for row in rows]
            return model.torch.tensor(done, device=input_ids.device)

    return TokenWatch


def step_watch(model: Model, ids: list[int], stopped: Callable[[], bool], send: Send) -> Any:
    """For searches that keep several candidates a prompt: a step counts as a token of each."""

    criterion: Any = model.transformers.StoppingCriteria

    class StepWatch(criterion):  # type: ignore[misc]
        def __init__(self, width: int) -> None:
            self.width = width

        def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
            input_ids[:, -1].tolist()  # waits for the device
            steps, self.width = input_ids.shape[1] - self.width, input_ids.shape[1]
            if steps > 0:
                send("tokens", ids=ids * steps)
            size, device = (input_ids.shape[0],), input_ids.device
            return model.torch.full(size, stopped(), dtype=model.torch.bool, device=device)

    return StepWatch


def late_eos(model: Model, rows: list[Row], width: int) -> Any:
    """A logits processor that holds back every eos until each row's own min_new_tokens."""

    processor: Any = model.transformers.LogitsProcessor

    class LateEos(processor):  # type: ignore[misc]
        def __call__(self, input_ids: Any, scores: Any) -> Any:
            made = input_ids.shape[1] - width
            early = [i for i, row in enumerate(rows) if made < row.request["min_new_tokens"]]
            if early:
                scores = scores.clone()
                scores[[[i] for i in early], model.eos()] = -float("inf")
            return scores

    return LateEos()
