"""What fake_vllm.py answers: requests checked as vLLM does, answers made of deterministic words."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

WORD_TEXT = (
    "the river carries small stones down to a quiet lake where grey herons wait and every winter "
    "its surface turns into glass that sings under careful feet — Grüße, naïve façade, 速い 😀"
)
WORDS = WORD_TEXT.split()


# What the made-up chat template adds to a prompt.
TEMPLATE_TOKENS = 9


@dataclass
class Options:
    """The command line of fake_vllm.py."""

    port: int
    host: str
    model: list[str]
    prefix: str
    api_key: str
    max_model_len: int
    ttft_ms: float
    itl_ms: float
    answer_tokens: int
    reasoning_tokens: int
    reasoning_field: str
    tokens_per_chunk: int
    events_per_segment: int
    split: int
    ping: bool
    early_role: bool
    usage: str
    health: int
    no_models: bool
    no_template: bool
    script: str
    repeat_last: bool
    slow_s: float
    keep_alive_s: float
    slots: int
    record: str
    line_end: str


class ApiError(Exception):
    def __init__(self, status: int, message: str, kind: str, param: str | None) -> None:
        super().__init__(message)
        self.status, self.message, self.kind, self.param = status, message, kind, param

    def body(self) -> dict[str, Any]:
        return {
            "error": {
                "message": self.message,
                "type": self.kind,
                "param": self.param,
                "code": self.status,
            }
        }


def bad_request(message: str, param: str | None = None) -> ApiError:
    return ApiError(400, message, "BadRequestError", param)


SCRIPTED = {
    "404": ApiError(404, "The model `nope` does not exist.", "NotFoundError", "model"),
    "400": bad_request("This model's maximum context length is 16 tokens.", "input_tokens"),
    "429": ApiError(429, "Too many requests", "RateLimitError", None),
    "500": ApiError(500, "EngineCore encountered an issue.", "InternalServerError", None),
    "503": ApiError(503, "Service unavailable", "ServiceUnavailableError", None),
}


def check_request(raw: bytes, options: Options, chat: bool, behaviour: str) -> dict[str, Any]:
    """The request's body, or the error that vLLM would give."""
    if behaviour in SCRIPTED:
        raise SCRIPTED[behaviour]
    try:
        body = json.loads(raw)
    except ValueError as error:
        text = f"1 validation error:\n  {{'type': 'json_invalid', 'msg': '{error}'}}"
        raise ApiError(400, text, "Bad Request", "body") from None
    name = body.get("model", options.model[0])
    if name not in options.model:
        text = f"The model `{name}` does not exist."
        raise ApiError(404, text, "NotFoundError", "model")
    if body.get("stream_options") and not body.get("stream"):
        raise bad_request("Stream options can only be defined when `stream=True`.")
    if chat and options.no_template:
        raise bad_request(
            "As of transformers v4.44, default chat template is no longer allowed, so you must "
            "provide a chat template if the tokenizer does not define one."
        )
    temperature = body.get("temperature")
    if temperature is not None and temperature < 0:
        value = float(temperature)
        raise bad_request(
            f"temperature must be non-negative, got {value}. "
            f"(parameter=temperature, value={value})",
            "temperature",
        )
    limit, longest = max_tokens(body), options.max_model_len
    if limit is not None and limit > longest:
        raise bad_request(
            f"max_tokens={limit} cannot be greater than max_model_len=max_total_tokens={longest}. "
            f"Please request fewer output tokens. (parameter=max_tokens, value={limit})",
            "max_tokens",
        )
    return dict(body)


def max_tokens(body: dict[str, Any]) -> int | None:
    return body.get("max_completion_tokens", body.get("max_tokens"))


def prompt_of(body: dict[str, Any], chat: bool) -> str:
    if not chat:
        return str(body.get("prompt", ""))
    return "\n".join(f"{m['role']}: {m['content']}" for m in body.get("messages", []))


@dataclass
class Chunk:
    """One event of a stream."""

    payload: dict[str, Any]
    token: int  # position that decides when it is sent; -1: at once
    tokens: int  # how many tokens it brings

    def event(self, line_end: str) -> str:
        text = json.dumps(self.payload, separators=(",", ":"), ensure_ascii=False)
        return f"data: {text}{line_end}{line_end}"


@dataclass
class Choice:
    reasoning: list[str]
    words: list[str]
    finish: str
    stop: str | None

    @property
    def tokens(self) -> int:
        return len(self.reasoning) + len(self.words)


@dataclass
class Answer:
    """A finished generation, to be sent whole or in chunks."""

    body: dict[str, Any]
    options: Options
    chat: bool
    prompt_tokens: int
    choices: list[Choice]
    created: int = field(default_factory=lambda: int(time.time()))
    complete: bool = False
    id_: str = field(default_factory=lambda: f"{random.getrandbits(64):016x}")

    def duration_s(self, options: Options) -> float:
        return (options.ttft_ms + options.itl_ms * (self.completion_tokens - 1)) / 1e3

    @property
    def completion_tokens(self) -> int:
        return sum(c.tokens for c in self.choices)

    @property
    def finish_reason(self) -> str:
        return self.choices[0].finish

    def usage(self, tokens: int, details: bool = False) -> dict[str, Any]:
        usage: dict[str, Any] = {
            "prompt_tokens": self.prompt_tokens,
            "total_tokens": self.prompt_tokens + tokens,
            "completion_tokens": tokens,
        }
        if details:
            usage["prompt_tokens_details"] = {"cached_tokens": 0}
        return usage

    def frame(self, kind: str) -> dict[str, Any]:
        return {
            "id": ("chatcmpl-" if self.chat else "cmpl-") + self.id_,
            "object": kind,
            "created": self.created,
            "model": self.body.get("model", self.options.model[0]),
        }

    # Streamed

    def chunks(self, early_role: bool) -> Iterator[Chunk]:
        stream = self.body.get("stream_options") or {}
        asked = bool(stream.get("include_usage")) and self.options.usage != "never"
        continuous = asked and bool(stream.get("continuous_usage_stats"))
        if self.chat:
            for index in range(len(self.choices)):
                yield self.role_chunk(index, continuous, -1 if early_role else 0)
        longest = max(c.tokens for c in self.choices)
        for token in range(0, longest, self.options.tokens_per_chunk):
            for index, choice in enumerate(self.choices):
                if token < choice.tokens:
                    yield self.token_chunk(index, choice, token, continuous)
        if asked and self.options.usage == "asked":
            payload = self.frame("chat.completion.chunk" if self.chat else "text_completion")
            payload["choices"] = []
            payload["usage"] = self.usage(self.completion_tokens, details=True)
            payload["system_fingerprint"] = "vllm-0.24.0-fake"
            yield Chunk(payload, longest - 1, 0)

    def role_chunk(self, index: int, continuous: bool, token: int) -> Chunk:
        payload = self.frame("chat.completion.chunk")
        payload["choices"] = [
            {
                "index": index,
                "delta": {"role": "assistant", "content": ""},
                "logprobs": None,
                "finish_reason": None,
            }
        ]
        if continuous:
            payload["usage"] = self.usage(0)
        ids = list(range(self.prompt_tokens)) if self.body.get("return_token_ids") else None
        payload["prompt_token_ids"] = ids
        payload["prompt_text"] = None
        return Chunk(payload, token, 0)

    def token_chunk(self, index: int, choice: Choice, token: int, continuous: bool) -> Chunk:
        end = min(token + self.options.tokens_per_chunk, choice.tokens)
        thinking = len(choice.reasoning)
        reasoning = "".join(choice.reasoning[token:end])
        text = "".join(choice.words[max(0, token - thinking) : max(0, end - thinking)])
        last = end == choice.tokens
        ids = list(range(token, end)) if self.body.get("return_token_ids") else None
        payload = self.frame("chat.completion.chunk" if self.chat else "text_completion")
        entry: dict[str, Any] = {"index": index}
        if self.chat:
            entry["delta"] = self.delta(reasoning, text)
        else:
            entry["text"] = text
        entry["logprobs"] = None
        entry["finish_reason"] = choice.finish if last else None
        if last or not self.chat:
            entry["stop_reason"] = choice.stop if last else None
        if not self.chat:
            entry["prompt_token_ids"] = None
        entry["token_ids"] = ids
        payload["choices"] = [entry]
        if continuous:
            payload["usage"] = self.usage(end)
        elif last and self.options.usage == "with_choices":
            payload["usage"] = self.usage(self.completion_tokens, details=True)
        return Chunk(payload, token, end - token)

    def delta(self, reasoning: str, text: str) -> dict[str, Any]:
        delta: dict[str, Any] = {}
        if reasoning:
            name = self.options.reasoning_field
            for key in ("reasoning", "reasoning_content") if name == "both" else (name,):
                delta[key] = reasoning
        if text or not reasoning:
            delta["content"] = text
        return delta

    # Whole

    def whole(self) -> dict[str, Any]:
        payload = self.frame("chat.completion" if self.chat else "text_completion")
        payload["choices"] = [self.whole_choice(i, c) for i, c in enumerate(self.choices)]
        payload["service_tier"] = None
        payload["system_fingerprint"] = "vllm-0.24.0-fake"
        usage = self.usage(self.completion_tokens, details=True)
        usage["prompt_tokens_details"]["multimodal_tokens"] = None
        payload["usage"] = usage
        for key in ("prompt_logprobs", "prompt_token_ids", "prompt_text", "kv_transfer_params"):
            payload[key] = None
        return payload

    def whole_choice(self, index: int, choice: Choice) -> dict[str, Any]:
        text = "".join(choice.words)
        entry: dict[str, Any] = {"index": index}
        if self.chat:
            entry["message"] = {
                "role": "assistant",
                "content": text,
                "refusal": None,
                "annotations": None,
                "audio": None,
                "function_call": None,
                "reasoning": "".join(choice.reasoning) or None,
            }
        else:
            entry["text"] = text
        entry["logprobs"] = None
        entry["finish_reason"] = choice.finish
        entry["stop_reason"] = choice.stop
        entry["token_ids"] = None
        entry["routed_experts"] = None
        return entry


def make_answer(body: dict[str, Any], options: Options, chat: bool) -> Answer:
    prompt = prompt_of(body, chat)
    prompt_tokens = max(1, len(prompt.split())) + (TEMPLATE_TOKENS if chat else 0)
    choices = [make_choice(body, options, prompt, i) for i in range(int(body.get("n") or 1))]
    return Answer(body, options, chat, prompt_tokens, choices)


def make_choice(body: dict[str, Any], options: Options, prompt: str, index: int) -> Choice:
    """Greedy answers depend on the prompt alone, sampled ones on the seed too."""
    greedy = body.get("temperature", 1.0) == 0
    seed = body.get("seed") if body.get("seed") is not None else random.random()
    source = random.Random(f"{prompt}|{'greedy' if greedy else f'{seed}|{index}'}")
    limit = max_tokens(body)
    limit = 16 if limit is None else int(limit)
    natural = max(
        options.answer_tokens + options.reasoning_tokens, int(body.get("min_tokens") or 0)
    )
    length = limit if body.get("ignore_eos") else min(limit, natural)
    finish = "length" if length == limit else "stop"
    thinking = min(options.reasoning_tokens, length)
    reasoning = [f" hm{i}" for i in range(thinking)]
    words = [" " + source.choice(WORDS) for _ in range(length - thinking)]
    return cut_at_stop(body, Choice(reasoning, words, finish, None))


def cut_at_stop(body: dict[str, Any], choice: Choice) -> Choice:
    """Ends the answer where a stop string appears; the token that completes it counts."""
    stops = body.get("stop") or []
    for stop in [stops] if isinstance(stops, str) else stops:
        text = ""
        for i, word in enumerate(choice.words):
            text += word
            if stop in text:
                kept = word[: max(0, len(word) - (len(text) - text.index(stop)))]
                return Choice(choice.reasoning, [*choice.words[:i], kept], "stop", stop)
    return choice
