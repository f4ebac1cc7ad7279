"""The part of vLLM's /metrics page that clients read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


class Generation(Protocol):
    prompt_tokens: int
    complete: bool

    @property
    def finish_reason(self) -> str: ...


@dataclass
class Metrics:
    model: str
    running: int = 0
    prompt_tokens: int = 0
    generation_tokens: int = 0
    finished: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("stop", "length", "abort", "error"), 0)
    )

    def begin(self, answer: Generation) -> None:
        self.running += 1
        self.prompt_tokens += answer.prompt_tokens

    def arrived(self, tokens: int) -> None:
        self.generation_tokens += tokens

    def end(self, answer: Generation) -> None:
        self.running -= 1
        self.finished[answer.finish_reason if answer.complete else "abort"] += 1

    def page(self) -> str:
        labels = f'engine="0",model_name="{self.model}"'
        rows = [
            ("num_requests_running", "gauge", {labels: self.running}),
            ("num_requests_waiting", "gauge", {labels: 0}),
            ("kv_cache_usage_perc", "gauge", {labels: 0}),
            ("prefix_cache_queries_total", "counter", {labels: self.prompt_tokens}),
            ("prefix_cache_hits_total", "counter", {labels: 0}),
            ("num_preemptions_total", "counter", {labels: 0}),
            ("prompt_tokens_total", "counter", {labels: self.prompt_tokens}),
            ("generation_tokens_total", "counter", {labels: self.generation_tokens}),
            (
                "request_success_total",
                "counter",
                {
                    f'engine="0",finished_reason="{reason}",model_name="{self.model}"': count
                    for reason, count in self.finished.items()
                },
            ),
        ]
        lines = []
        for name, kind, samples in rows:
            lines += [f"# HELP vllm:{name} See vLLM.", f"# TYPE vllm:{name} {kind}"]
            lines += [f"vllm:{name}{{{label}}} {float(value)}" for label, value in samples.items()]
        return "\n".join(lines) + "\n"
