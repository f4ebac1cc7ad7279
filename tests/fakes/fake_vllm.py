#!/usr/bin/env python3
"""A server that speaks vLLM's HTTP dialect and generates made-up words, for tests.

Prints its port, serves until it is terminated or its parent dies. Standard library only.

    fake_vllm.py --model org/name --ttft-ms 50 --itl-ms 10
    fake_vllm.py --script ok,500,cut,ok        # the n-th generation request gets the n-th behaviour
    fake_vllm.py --no-template                 # a base model: chat completions are refused

What came in is kept: GET /fake/requests lists {method, path, headers, body}, --record FILE appends
the same as JSON lines. GET /metrics has vLLM's counters.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ctypes
import hashlib
import json
import os
import signal
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from typing import Any

from fake_vllm_answers import (
    TEMPLATE_TOKENS,
    Answer,
    ApiError,
    Options,
    check_request,
    make_answer,
    prompt_of,
)
from fake_vllm_metrics import Metrics

# What a generation request may meet instead of its answer, by the name used in --script.
BEHAVIOURS = (
    "ok",  # answers
    "404",  # unknown model
    "400",  # context too long
    "429",
    "500",
    "503",
    "error_in_stream",  # an error object after two tokens, under HTTP 200
    "cut",  # the connection closes after two tokens
    "refuse",  # the connection closes without a response
    "slow_headers",  # the response begins after --slow-s
    "hang",  # headers and role chunk, then nothing
    "no_done",  # the stream ends without [DONE]
    "no_blank",  # [DONE] without the blank line after it
    "garbage",  # an event that is not JSON
    "no_stream",  # a whole JSON answer although a stream was asked for
)

REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found"}


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def record(self) -> dict[str, Any]:
        try:
            body = json.loads(self.body) if self.body else None
        except ValueError:
            body = self.body.decode(errors="replace")
        return {"method": self.method, "path": self.path, "headers": self.headers, "body": body}


@dataclass
class Server:
    options: Options
    metrics: Metrics
    script: list[str]
    requests: list[dict[str, Any]] = field(default_factory=list)
    generations: int = 0
    slots: asyncio.Semaphore | None = None

    # Connections

    async def serve_connection(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while request := await self.read_request(reader):
                self.keep(request)
                if not await self.answer(request, writer):
                    break
        writer.close()

    async def read_request(self, reader: asyncio.StreamReader) -> Request | None:
        """The next request; None when the peer closed or the connection was idle for too long."""
        try:
            head = await asyncio.wait_for(
                reader.readuntil(b"\r\n\r\n"), self.options.keep_alive_s or None
            )
        except (asyncio.TimeoutError, asyncio.IncompleteReadError):
            return None
        first, *lines = head.decode("latin-1").rstrip().split("\r\n")
        method, path, _ = first.split(" ")
        headers = {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        return Request(method, path.split("?")[0], headers, body)

    def keep(self, request: Request) -> None:
        if request.path.startswith("/fake/"):
            return
        self.requests.append(request.record())
        if self.options.record:
            with Path(self.options.record).open("a", encoding="utf-8") as file:
                file.write(json.dumps(self.requests[-1]) + "\n")

    # Pages

    async def answer(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        """Answers one request; False: the connection closes."""
        path = request.path.removeprefix(self.options.prefix)
        key = self.options.api_key
        if key and path != "/health" and request.headers.get("authorization") != f"Bearer {key}":
            return await self.send(writer, 401, {"error": "Unauthorized"})
        if path in ("/v1/chat/completions", "/v1/completions"):
            return await self.generate(request, writer, path.endswith("chat/completions"))
        if path == "/tokenize":
            status, body = self.tokenize(json.loads(request.body))
            return await self.send(writer, status, body)
        page = self.page(path)
        if page is None:
            return await self.send(writer, 404, {"detail": "Not Found"})
        status, body, kind = page
        return await self.send(writer, status, body, kind)

    def page(self, path: str) -> tuple[int, Any, str] | None:
        options = self.options
        if path == "/health" and options.health:
            return options.health, b"", ""
        if path == "/v1/models" and not options.no_models:
            return 200, {"object": "list", "data": [self.model(m) for m in options.model]}, "json"
        if path == "/version":
            return 200, {"version": "0.24.0"}, "json"
        if path == "/metrics":
            return 200, self.metrics.page().encode(), "text/plain; version=1.0.0; charset=utf-8"
        if path == "/fake/requests":
            return 200, self.requests, "json"
        return None

    def model(self, name: str) -> dict[str, Any]:
        return {
            "id": name,
            "object": "model",
            "created": int(time.time()),
            "owned_by": "vllm",
            "root": name,
            "parent": None,
            "max_model_len": self.options.max_model_len,
            "permission": [],
        }

    def tokenize(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Counts as the usage of an answer does: words, and what the chat template adds."""
        chat = "messages" in body
        if chat and self.options.no_template:
            return 400, {"error": {"message": "The model has no chat template", "code": 400}}
        words = ["<template>"] * (TEMPLATE_TOKENS if chat else 0) + prompt_of(body, chat).split()
        tokens = [int(hashlib.sha256(w.encode()).hexdigest()[:4], 16) for w in words]
        return 200, {
            "count": len(tokens),
            "max_model_len": self.options.max_model_len,
            "tokens": tokens,
            "token_strs": None,
        }

    async def send(
        self, writer: asyncio.StreamWriter, status: int, body: Any, kind: str = "json"
    ) -> bool:
        if not isinstance(body, bytes):
            body = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
        kind = "application/json" if kind == "json" else kind
        lines = [f"content-length: {len(body)}"] + ([f"content-type: {kind}"] if kind else [])
        writer.write(head(status, lines) + body)
        await writer.drain()
        return True

    # Generation

    def behaviour(self) -> str:
        index = min(self.generations, len(self.script))
        self.generations += 1
        if index < len(self.script):
            return self.script[index]
        return self.script[-1] if self.options.repeat_last and self.script else "ok"

    def slot(self) -> contextlib.AbstractAsyncContextManager[None]:
        """What holds a request back while --slots others are answered."""
        if not self.options.slots:
            return contextlib.nullcontext()
        self.slots = self.slots or asyncio.Semaphore(self.options.slots)
        return self.slots

    async def generate(self, request: Request, writer: asyncio.StreamWriter, chat: bool) -> bool:
        behaviour = self.behaviour()
        if behaviour == "refuse":
            return False
        if behaviour == "slow_headers":
            await asyncio.sleep(self.options.slow_s)
        try:
            body = check_request(request.body, self.options, chat, behaviour)
            answer = make_answer(body, self.options, chat)
        except ApiError as error:
            return await self.send(writer, error.status, error.body())
        async with self.slot():
            return await self.deliver(answer, body, writer, behaviour)

    async def deliver(
        self, answer: Answer, body: dict[str, Any], writer: asyncio.StreamWriter, behaviour: str
    ) -> bool:
        self.metrics.begin(answer)
        try:
            if not body.get("stream") or behaviour == "no_stream":
                await asyncio.sleep(answer.duration_s(self.options))
                self.metrics.arrived(answer.completion_tokens)
                answer.complete = True
                return await self.send(writer, 200, answer.whole())
            return await self.stream(answer, writer, behaviour)
        finally:
            self.metrics.end(answer)

    async def stream(self, answer: Answer, writer: asyncio.StreamWriter, behaviour: str) -> bool:
        lines = ["content-type: text/event-stream; charset=utf-8"]
        writer.write(head(200, lines, ["transfer-encoding: chunked"]))
        sent = 0
        async for events in self.paced(answer, behaviour):
            await self.write_events(writer, events)
            sent += 1
            if behaviour == "hang":
                await asyncio.sleep(3600)
            if behaviour in ("cut", "error_in_stream", "garbage") and sent == 3:
                return await self.break_off(writer, behaviour)
        answer.complete = True
        end = self.options.line_end
        done = [] if behaviour == "no_done" else [f"data: [DONE]{end}"]
        if done and behaviour != "no_blank":
            done.append(end)
        await self.write_events(writer, ["".join(done)])
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True

    async def break_off(self, writer: asyncio.StreamWriter, behaviour: str) -> bool:
        """What comes after the second token of an answer that fails."""
        if behaviour == "cut":
            return False
        if behaviour == "garbage":
            await self.write_events(writer, ['data: {"choices":[{"del\n\n'])
        else:
            error = ApiError(500, "EngineCore encountered an issue.", "InternalServerError", None)
            text = json.dumps(error.body(), separators=(",", ":"))
            await self.write_events(writer, [f"data: {text}\n\n", "data: [DONE]\n\n"])
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True

    async def paced(self, answer: Answer, behaviour: str) -> AsyncIterator[list[str]]:
        """The events of an answer in groups that leave together, each at its time."""
        options = self.options
        start = time.monotonic()
        if options.ping:
            yield [f": ping{options.line_end}{options.line_end}"]
        chunks = list(answer.chunks(early_role=options.early_role or behaviour == "hang"))
        for first in range(0, len(chunks), options.events_per_segment):
            group = chunks[first : first + options.events_per_segment]
            due = start + max(c.token for c in group) * options.itl_ms / 1e3
            due += options.ttft_ms / 1e3 if max(c.token for c in group) >= 0 else 0
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            self.metrics.arrived(sum(c.tokens for c in group))
            yield [c.event(options.line_end) for c in group]

    async def write_events(self, writer: asyncio.StreamWriter, events: list[str]) -> None:
        """One HTTP chunk per event as uvicorn writes them, or pieces of --split bytes."""
        split = self.options.split
        for text in events:
            data = text.encode()
            for piece in (
                [data[i : i + split] for i in range(0, len(data), split)] if split else [data]
            ):
                if piece:
                    writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        await writer.drain()


def head(status: int, lines: list[str], last: list[str] | None = None) -> bytes:
    top = [f"HTTP/1.1 {status} {REASONS.get(status, 'Error')}"]
    top += [f"date: {formatdate(usegmt=True)}", "server: uvicorn", *lines, "vary: Origin"]
    return ("\r\n".join([*top, *(last or [])]) + "\r\n\r\n").encode()


def parse_arguments() -> Options:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--model", action="append", help="may be repeated")
    parser.add_argument("--prefix", default="", help="path in front of every page")
    parser.add_argument("--api-key", default="")
    parser.add_argument("--max-model-len", type=int, default=2048)
    parser.add_argument("--ttft-ms", type=float, default=0)
    parser.add_argument("--itl-ms", type=float, default=0)
    parser.add_argument("--answer-tokens", type=int, default=32, help="where the model would end")
    parser.add_argument("--reasoning-tokens", type=int, default=0)
    parser.add_argument(
        "--reasoning-field", default="reasoning", help="reasoning, reasoning_content or both"
    )
    parser.add_argument("--tokens-per-chunk", type=int, default=1)
    parser.add_argument("--events-per-segment", type=int, default=1)
    parser.add_argument("--split", type=int, default=0, help="HTTP chunks of so many bytes")
    parser.add_argument("--crlf", action="store_true", help="lines of events end with CR LF")
    parser.add_argument("--ping", action="store_true", help="a comment before the first event")
    parser.add_argument("--early-role", action="store_true", help="role chunk at once")
    parser.add_argument("--usage", default="asked", help="asked, with_choices or never")
    parser.add_argument(
        "--health", type=int, default=200, help="status of /health; 0: no such page"
    )
    parser.add_argument("--no-models", action="store_true")
    parser.add_argument("--no-template", action="store_true")
    parser.add_argument("--script", default="", help=", ".join(BEHAVIOURS))
    parser.add_argument("--repeat-last", action="store_true", help="of the script, for ever")
    parser.add_argument("--slow-s", type=float, default=5)
    parser.add_argument("--keep-alive-s", type=float, default=5)
    parser.add_argument("--slots", type=int, default=0, help="answers at a time; others wait")
    parser.add_argument("--record", default="")
    arguments = parser.parse_args()
    values = vars(arguments)
    values["line_end"] = "\r\n" if values.pop("crlf") else "\n"
    values["model"] = values["model"] or ["fake-model"]
    unknown = [b for b in values["script"].split(",") if b and b not in BEHAVIOURS]
    if unknown:
        parser.error(f"unknown in --script: {', '.join(unknown)}; known: {', '.join(BEHAVIOURS)}")
    return Options(**values)


async def serve(options: Options) -> None:
    state = Server(options, Metrics(options.model[0]), [b for b in options.script.split(",") if b])
    server = await asyncio.start_server(
        state.serve_connection, options.host, options.port, backlog=4096
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    parent = os.getppid()
    while os.getppid() == parent:
        await asyncio.sleep(0.5)


def main() -> None:
    options = parse_arguments()
    with contextlib.suppress(OSError, AttributeError):  # at once on Linux; else the loop sees it
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(options))


if __name__ == "__main__":
    main()
