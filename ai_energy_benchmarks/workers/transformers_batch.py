"""Answers one batch of requests."""

from __future__ import annotations

import copy
import traceback
from collections.abc import Callable
from typing import Any

from ai_energy_benchmarks.workers.token_watch import Row, late_eos, step_watch, token_watch
from ai_energy_benchmarks.workers.transformers_model import Model, is_out_of_memory
from ai_energy_benchmarks.workers.wire import Json, Wire

__all__ = ["Batch"]


class Batch:
    """Requests that are answered together."""

    def __init__(self, model: Model, task: Json, wire: Wire) -> None:
        self.model = model
        self.task = task
        self.send = wire.send
        self.stopped: Callable[[], bool] = lambda: wire.is_stopped(task["batch"])
        self.settings = dict(task["generate"])
        self.copies = self.settings.get("num_return_sequences", 1)
        self.searches = self.settings.get("num_beams", 1) > 1
        self.admitted: list[Json] = []
        self.prompts: list[list[int]] = []
        self.logits: Any = None

    def run(self) -> None:
        for request in self.task["requests"]:
            self.admit(request)
        if not self.admitted:
            return
        keep = ("id", "prompt_tokens", "notices", "prompt_token_ids")
        self.send("started", requests=[{k: r[k] for k in keep if k in r} for r in self.admitted])
        try:
            self.answer()
            return
        except Exception as error:
            traceback.print_exc()
            kind = "out_of_memory" if is_out_of_memory(error) else "engine"
            ids = [request["id"] for request in self.admitted]
            self.send("failed", ids=ids, error_class=kind, text=f"{type(error).__name__}: {error}")
        self.model.free_unused()

    def admit(self, request: Json) -> None:
        try:
            tokens = self.model.encode(request)
        except Exception as error:
            text = f"the chat template or the tokenizer refused the prompt: {error}"
            self.send("failed", ids=[request["id"]], error_class="chat_template", text=text)
            return
        problem = self.fit(tokens, request) if tokens else "the prompt has no tokens"
        if problem:
            self.send("failed", ids=[request["id"]], error_class="context_too_long", text=problem)
            return
        request["prompt_tokens"] = len(tokens)
        if self.task["return_logits"]:
            request["prompt_token_ids"] = tokens
        self.admitted.append(request)
        self.prompts.append(tokens)

    def fit(self, tokens: list[int], request: Json) -> str:
        """Leaves out the front of a prompt that is too long, whose end holds the question."""
        context, most = self.model.context_length(), request["max_new_tokens"]
        if context is None or len(tokens) + most <= context:
            return ""
        what = (
            f"prompt ({len(tokens)} tokens) and max_new_tokens ({most}) exceed the model's "
            f"context length of {context}"
        )
        surplus = len(tokens) + most - context
        if not self.task["truncate"] or surplus >= len(tokens):
            return f"{what}; lower scenario.generate_kwargs.max_new_tokens" + (
                "" if self.task["truncate"] else " or set scenario.truncation: true"
            )
        del tokens[:surplus]
        text = f"{what}: the first {surplus} tokens of the prompt were left out"
        request["notices"] = [text]
        return ""

    def answer(self) -> None:
        model, torch = self.model.model, self.model.torch
        width = max(len(tokens) for tokens in self.prompts)
        padded = [[self.model.pad] * (width - len(t)) + t for t in self.prompts]
        seen = [[0] * (width - len(t)) + [1] * len(t) for t in self.prompts]
        input_ids = torch.tensor(padded, device=model.device)
        strings = self.settings.get("stop_strings", [])
        rows = [
            Row(request, self.model, strings)
            for request in self.admitted
            for _ in range(self.copies)
        ]
        arguments = self.arguments(rows, width)
        configured = model.generation_config
        if self.admitted[0]["ignore_eos"]:
            model.generation_config = copy.deepcopy(configured)
            model.generation_config.eos_token_id = None
        hook = self.keep_first_logits() if self.task["return_logits"] else None
        torch.manual_seed(self.task["seed"])
        try:
            out = model.generate(
                input_ids=input_ids,
                attention_mask=torch.tensor(seen, device=model.device),
                pad_token_id=self.model.pad,
                **arguments,
            )
        finally:
            model.generation_config = configured
            if hook is not None:
                hook.remove()
        if self.searches:
            self.take_found(rows, out[:, width:].tolist())
        self.report(rows)

    def arguments(self, rows: list[Row], width: int) -> Json:
        """Keyword arguments of `generate`."""
        lists = self.model.transformers
        arguments = dict(self.settings)
        strings = arguments.pop("stop_strings", None)
        most = {request["max_new_tokens"] for request in self.admitted}
        fewest = {request["min_new_tokens"] for request in self.admitted}
        arguments["max_new_tokens"] = max(most)
        if self.searches:
            if len(most) > 1 or len(fewest) > 1:
                raise ValueError("a beam search needs equal lengths in a batch: set batch_size: 1")
            ids = [request["id"] for request in self.admitted]
            watch = step_watch(self.model, ids, self.stopped, self.send)
            arguments.update(stop_strings=strings, tokenizer=self.model.tokenizer)
        else:
            watch = token_watch(self.model, rows, self.stopped, self.send)
        if len(fewest) == 1:
            arguments["min_new_tokens"] = fewest.pop()
        elif self.model.eos():
            late = late_eos(self.model, rows, width)
            arguments["logits_processor"] = lists.LogitsProcessorList([late])
        arguments["stopping_criteria"] = lists.StoppingCriteriaList([watch(width)])
        return arguments

    def keep_first_logits(self) -> Any:
        """Keeps the last prompt position's logits of the next forward pass."""

        def keep(module: Any, inputs: Any, output: Any) -> None:
            if self.logits is None:
                self.logits = output.logits[:, -1].float().cpu()

        return self.model.model.register_forward_hook(keep)

    def take_found(self, rows: list[Row], found: list[list[int]]) -> None:
        eos = set() if self.admitted[0]["ignore_eos"] else set(self.model.eos())
        for row, tokens in zip(rows, found, strict=True):
            end = next((i + 1 for i, token in enumerate(tokens) if token in eos), None)
            row.tokens = tokens if end is None else tokens[:end]
            row.finish = "stop" if end is not None else "length"
            if self.stopped() and end is None:
                row.finish = "cancelled"

    def report(self, rows: list[Row]) -> None:
        for number, request in enumerate(self.admitted):
            mine = rows[number * self.copies : (number + 1) * self.copies]
            answer: Json = {
                "id": request["id"],
                "token_ids": mine[0].tokens,
                "text": request["prefix"] + self.model.decode(mine[0].tokens),
                "finish_reason": mine[0].finish or "stop",
                "output_tokens": sum(len(row.tokens) for row in mine),
            }
            if self.copies > 1:
                answer["sequences"] = [
                    {"token_ids": row.tokens, "text": self.model.decode(row.tokens)} for row in mine
                ]
            if self.logits is not None:
                copies = len(self.logits) // len(self.admitted)  # sequences or beams of a prompt
                answer["last_logits"] = self.logits[number * copies].tolist()
            self.send("finished", **answer)
