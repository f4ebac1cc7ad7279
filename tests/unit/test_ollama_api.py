"""Ollama's own API (/api), with the real binary against a server that answers as its documentation
says: NDJSON streams, counters in the last line, no /health, no /v1."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cli_harness import aieb

TOKEN_S = 0.01
FIRST_S = 0.03


class Ollama(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, behaviour: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.behaviour = behaviour
        self.received: list[tuple[str, Any]] = []

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/api"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Ollama

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def page(self, status: int, body: Any) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self) -> None:
        self.server.received.append((self.path, None))
        if self.path == "/api/tags":
            model = {"name": "smollm2:135m", "model": "smollm2:135m", "size": 270898672}
            tagged = {"name": "other:latest", "model": "other:latest", "size": 1}
            self.page(200, {"models": [model, tagged]})
        elif self.path == "/api/version":
            self.page(200, {"version": "0.9.6"})
        else:
            self.page(404, {"error": "page not found"})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.received.append((self.path, body))
        chat = self.path == "/api/chat"
        if chat and self.server.behaviour == "no_chat":
            self.page(400, {"error": '"smollm2:135m" does not support chat'})
            return
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.stream(body, chat)

    def stream(self, body: dict[str, Any], chat: bool) -> None:
        count = body["options"]["num_predict"]
        thinks = 2 if body.get("think") else 0
        time.sleep(FIRST_S)
        for i in range(count):
            text: dict[str, str] = {"thinking": "hm"} if i < thinks else {}
            line: dict[str, Any]
            if chat:
                line = {"message": {"role": "assistant", "content": "" if text else " w"} | text}
            else:
                line = {"response": " w"}
            self.line({"model": body["model"], "created_at": "2025-07-07T20:22:19Z"} | line
                      | {"done": False})  # fmt: skip
            if i == 1 and self.server.behaviour == "error":
                self.line({"error": "llama runner process has terminated"})
                self.wfile.write(b"0\r\n\r\n")
                return
            time.sleep(TOKEN_S)
        last = {"message": {"role": "assistant", "content": ""}} if chat else {"response": ""}
        self.line({"model": body["model"]} | last | {
            "done": True, "done_reason": "length", "total_duration": 174560334,
            "load_duration": 101397084, "prompt_eval_count": 11,
            "prompt_eval_duration": 13074791, "eval_count": count, "eval_duration": 52479709,
        })  # fmt: skip
        self.wfile.write(b"0\r\n\r\n")

    def line(self, document: dict[str, Any]) -> None:
        """In two pieces, as a network may cut it."""
        data = json.dumps(document).encode() + b"\n"
        for piece in (data[: len(data) // 2], data[len(data) // 2 :]):
            self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            self.wfile.flush()


@contextmanager
def ollama(behaviour: str = "") -> Iterator[Ollama]:
    server = Ollama(behaviour)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def run(
    folder: Path, endpoint: str, code: int = 0, model: str = "smollm2:135m", **scenario: Any
) -> dict[str, Any]:
    (folder / "prompts.jsonl").write_text('{"text": "Hello?"}\n{"text": "And you?"}\n')
    config = {
        "backend": {"type": "ollama", "endpoint": endpoint, "model": model},
        "scenario": {
            "dataset_name": "prompts.jsonl",
            "num_samples": 2,
            "generate_kwargs": {"max_new_tokens": 5, "top_k": 7, "seed": 3, "stop": ["#"]},
        }
        | scenario,
        "metrics": {"idle_s": 0, "enabled": False, "warmup_prompts": 0},
    }
    (folder / "config.json").write_text(json.dumps(config))
    trace = folder / "trace.db"
    result = aieb(folder, "run", "config.json", "--json", "-", "--quiet", "--trace", str(trace))
    assert result.returncode == code, result.stderr
    return {"stderr": result.stderr} | (json.loads(result.stdout) if result.stdout else {})


def test_a_chat_is_streamed_and_counted_by_ollama(tmp_path: Path) -> None:
    with ollama() as server:
        results = run(tmp_path, server.endpoint)
    summary = results["summary"]
    assert summary["successful_prompts"] == 2
    assert (summary["prompt_tokens"], summary["output_tokens"]) == (22, 10)
    for prompt in results["per_prompt_results"]:
        assert prompt["text"] == " w" * 5
        assert prompt["finish_reason"] == "length"
        assert prompt["ttft_s"] >= FIRST_S
        assert prompt["tpot_s"] > 0
    assert results["environment"]["engine"]["details"]["api"] == "api/chat"
    assert results["environment"]["engine"]["details"]["server_version"] == "0.9.6"
    pages = [path for path, _ in server.received]
    assert pages[:2] == ["/api/tags", "/api/version"]
    assert "/health" not in pages
    body = server.received[-1][1]
    assert body["messages"] == [{"role": "user", "content": "And you?"}]
    assert body["options"] == {"num_predict": 5, "top_k": 7, "seed": 3, "stop": ["#"]}


def test_ollamas_own_counters_are_in_the_trace(tmp_path: Path) -> None:
    with ollama() as server:
        run(tmp_path, server.endpoint)
    with sqlite3.connect(tmp_path / "trace.db") as trace:
        extras = [json.loads(row[0]) for row in trace.execute("SELECT extra FROM request")]
    assert [e["ollama"] for e in extras] == [
        {
            "prompt_eval_count": 11,
            "eval_count": 5,
            "total_duration": 174560334,
            "load_duration": 101397084,
            "prompt_eval_duration": 13074791,
            "eval_duration": 52479709,
        }
    ] * 2


def test_greedy_and_options_of_the_user(tmp_path: Path) -> None:
    kwargs = {"max_new_tokens": 3, "options": {"num_ctx": 8192}, "keep_alive": "5m"}
    with ollama() as server:
        run(tmp_path, server.endpoint, generate_kwargs=kwargs)
    body = server.received[-1][1]
    assert body["options"] == {"num_predict": 3, "temperature": 0, "num_ctx": 8192}
    assert body["keep_alive"] == "5m"


def test_without_a_template_the_prompt_goes_raw(tmp_path: Path) -> None:
    with ollama() as server:
        run(tmp_path, server.endpoint, use_chat_template="false")
    path, body = server.received[-1]
    assert path == "/api/generate"
    assert (body["raw"], body["prompt"]) == (True, "And you?")


def test_a_model_that_cannot_chat_is_asked_for_completions(tmp_path: Path) -> None:
    with ollama("no_chat") as server:
        results = run(tmp_path, server.endpoint)
    assert results["summary"]["successful_prompts"] == 2
    assert any("no chat template" in w for w in results["warnings"])


def test_an_error_inside_the_stream_is_the_requests_error(tmp_path: Path) -> None:
    with ollama("error") as server:
        results = run(tmp_path, server.endpoint, code=1)
    for prompt in results["per_prompt_results"]:
        assert prompt["error_class"] == "server_error_in_stream"
        assert "llama runner" in prompt["error"]
        assert prompt["text"] == " w w"


@pytest.mark.parametrize(("model", "works"), [("other", True), ("smollm", False)])
def test_models_are_those_of_the_tags(tmp_path: Path, model: str, works: bool) -> None:
    with ollama() as server:
        if works:
            run(tmp_path, server.endpoint, model=model)
        else:
            message = run(tmp_path, server.endpoint, code=5, model=model)["stderr"]
            assert "smollm2:135m   <- most like it" in message
