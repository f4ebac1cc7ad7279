"""The fake vLLM says what a real one says, and misbehaves as told.

Where AIEB_VLLM_WIRE names a folder with recorded responses of a real server, the fake's responses
are held against them: same headers, same keys in the same order, same types.
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

FAKE = Path(__file__).resolve().parent.parent / "fakes" / "fake_vllm.py"
WIRE = os.environ.get("AIEB_VLLM_WIRE")
MODEL = "HuggingFaceTB/SmolLM2-135M-Instruct"

pytestmark = pytest.mark.vllm

Start = Callable[..., int]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a fake with the given options; returns its port."""
    processes: list[subprocess.Popen[str]] = []

    def begin(*options: str) -> int:
        command = [sys.executable, str(FAKE), "--model", MODEL, *options]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        processes.append(process)
        assert process.stdout is not None
        return int(process.stdout.readline())

    yield begin
    for process in processes:
        process.terminate()
        process.wait()


def ask(port: int, path: str, body: Any = None) -> tuple[int, list[tuple[str, str]], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    payload = body if isinstance(body, bytes) else json.dumps(body).encode() if body else None
    connection.request("POST" if payload else "GET", path, payload)
    response = connection.getresponse()
    return response.status, response.getheaders(), response.read()


def chat(**more: Any) -> dict[str, Any]:
    return {
        "model": MODEL,
        "messages": [{"role": "user", "content": "Name two colours."}],
        "max_tokens": 8,
        "temperature": 0,
        **more,
    }


def events(body: bytes) -> list[Any]:
    lines = [line[6:] for line in body.decode().split("\n") if line.startswith("data: ")]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


def stream(port: int, **more: Any) -> list[Any]:
    body = chat(stream=True, stream_options={"include_usage": True}, **more)
    return events(ask(port, "/v1/chat/completions", body)[2])


def recorded(name: str) -> tuple[int, list[str], bytes]:
    """Status, header names in order and body (chunks joined) of a recorded response."""
    assert WIRE is not None
    raw = (Path(WIRE) / name).read_bytes()
    top, _, rest = raw.partition(b"\r\n\r\n")
    first, *lines = top.decode().split("\r\n")
    names = [line.split(":")[0] for line in lines]
    if "transfer-encoding" not in names:
        return int(first.split()[1]), names, rest
    body = b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        body, rest = body + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    return int(first.split()[1]), names, body


def shape(value: Any) -> Any:
    """The value with every leaf replaced by the name of its type; keys in their order."""
    if isinstance(value, dict):
        return [(key, shape(item)) for key, item in value.items()]
    if isinstance(value, list):
        return [shape(item) for item in value[:1]]
    return type(value).__name__


STREAMED = [
    ("chat_stream.http", {"max_tokens": 16}),
    (
        "chat_stream_continuous_usage_token_ids.http",
        {
            "return_token_ids": True,
            "stream_options": {"include_usage": True, "continuous_usage_stats": True},
        },
    ),
    ("chat_stream_n2_interval.http", {"n": 2, "max_tokens": 6, "seed": 1, "temperature": 0.8}),
]


@pytest.mark.skipif(WIRE is None, reason="AIEB_VLLM_WIRE is not set")
@pytest.mark.parametrize(("name", "more"), STREAMED)
def test_streams_have_the_shape_of_a_real_servers(
    start: Start, name: str, more: dict[str, Any]
) -> None:
    body = chat(stream=True, **{"stream_options": {"include_usage": True}, **more})
    status, headers, ours = ask(start(), "/v1/chat/completions", body)
    real_status, real_headers, real = recorded(name)
    assert status == real_status
    assert [h[0] for h in headers] == real_headers
    assert [shape(e) for e in events(ours)] == [shape(e) for e in events(real)]


@pytest.mark.skipif(WIRE is None, reason="AIEB_VLLM_WIRE is not set")
def test_completions_and_whole_answers_have_the_shape_of_a_real_servers(start: Start) -> None:
    port = start()
    plain = {
        "model": MODEL,
        "prompt": "The sea is",
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0,
        "max_tokens": 12,
        "min_tokens": 12,
        "ignore_eos": True,
    }
    ours = events(ask(port, "/v1/completions", plain)[2])
    real = events(recorded("completions_stream_ignore_eos.http")[2])
    assert [shape(e) for e in ours] == [shape(e) for e in real]
    whole = json.loads(ask(port, "/v1/chat/completions", chat())[2])
    assert shape(whole) == shape(json.loads(recorded("chat_nonstream.http")[2]))


@pytest.mark.skipif(WIRE is None, reason="AIEB_VLLM_WIRE is not set")
def test_errors_and_pages_have_the_shape_of_a_real_servers(start: Start) -> None:
    port = start()
    asked: list[tuple[str, str, Any]] = [
        ("error_unknown_model.http", "/v1/chat/completions", chat() | {"model": "nope"}),
        ("error_context_too_long.http", "/v1/chat/completions", chat(max_completion_tokens=5000)),
        ("error_bad_parameter.http", "/v1/chat/completions", chat() | {"temperature": -1.0}),
        ("error_bad_json.http", "/v1/chat/completions", b"nonsense"),
        ("tokenize.http", "/tokenize", {"prompt": "The sea is blue"}),
    ]
    for name, path, body in asked:
        status, headers, ours = ask(port, path, body)
        real_status, real_headers, real = recorded(name)
        assert status == real_status, name
        assert [h[0] for h in headers] == real_headers, name
        assert shape(json.loads(ours)) == shape(json.loads(real)), name
    status, headers, ours = ask(port, "/health")
    assert (status, [h[0] for h in headers], ours) == recorded("health.http")
    ours_models = json.loads(ask(port, "/v1/models")[2])
    real_models = json.loads(recorded("models.http")[2])
    assert list(ours_models["data"][0]) == list(real_models["data"][0])


@pytest.mark.skipif(WIRE is None, reason="AIEB_VLLM_WIRE is not set")
def test_counters_have_the_names_of_a_real_servers(start: Start) -> None:
    assert WIRE is not None
    port = start()
    stream(port)
    real = (Path(WIRE) / "metrics.txt").read_text()
    for line in ask(port, "/metrics")[2].decode().splitlines():
        if not line.startswith("#"):
            assert "\n" + line.split("}")[0] + "}" in real


def test_counts_are_exact_and_the_counters_agree(start: Start) -> None:
    port = start()
    seen = stream(port, max_tokens=5)
    texts = [e["choices"][0]["delta"].get("content") for e in seen[1:-2]]
    assert len(texts) == 5 and all(texts)
    assert seen[-2]["choices"] == [] and seen[-2]["usage"]["completion_tokens"] == 5
    assert seen[-1] == "[DONE]"
    counters = ask(port, "/metrics")[2].decode().splitlines()
    generated = next(c for c in counters if c.startswith("vllm:generation_tokens_total{"))
    assert generated.endswith(" 5.0")


def test_greedy_answers_repeat_and_parameters_count_at_top_level_only(start: Start) -> None:
    port = start("--answer-tokens", "4")

    def tokens(**more: Any) -> int:
        return int(stream(port, **more)[-2]["usage"]["completion_tokens"])

    assert stream(port)[1]["choices"] == stream(port)[1]["choices"]
    assert tokens() == 4
    assert tokens(ignore_eos=True) == 8
    assert tokens(min_tokens=6) == 6
    assert tokens(extra_body={"min_tokens": 6}) == 4


def test_first_token_comes_when_asked(start: Start) -> None:
    port = start("--ttft-ms", "150", "--itl-ms", "20")
    before = time.monotonic()
    stream(port, max_tokens=3)
    assert 0.19 <= time.monotonic() - before < 1.5


def test_misbehaves_in_the_order_of_its_script(start: Start) -> None:
    port = start("--script", "404,ok,500,error_in_stream,no_done")
    body = chat(stream=True)
    assert ask(port, "/v1/chat/completions", body)[0] == 404
    assert events(ask(port, "/v1/chat/completions", body)[2])[-1] == "[DONE]"
    assert ask(port, "/v1/chat/completions", body)[0] == 500
    status, _, text = ask(port, "/v1/chat/completions", body)
    assert status == 200 and "error" in events(text)[-2]
    assert events(ask(port, "/v1/chat/completions", body)[2])[-1] != "[DONE]"
    assert ask(port, "/v1/chat/completions", body)[0] == 200


def test_keeps_what_came_in(start: Start) -> None:
    port = start()
    stream(port, top_k=5)
    kept = json.loads(ask(port, "/fake/requests")[2])
    assert kept[0]["path"] == "/v1/chat/completions"
    assert kept[0]["body"]["top_k"] == 5


def test_stops_when_its_parent_dies() -> None:
    script = (
        "import subprocess, sys\n"
        f"command = [sys.executable, {str(FAKE)!r}]\n"
        "p = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)\n"
        "print(p.pid, p.stdout.readline().strip(), flush=True)\n"
    )
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    pid = int(out.stdout.split()[0])
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}/cmdline").exists() and time.monotonic() < deadline:
        if not Path(f"/proc/{pid}/cmdline").read_bytes():
            break  # a zombie that nobody has waited for
        time.sleep(0.05)
    assert time.monotonic() < deadline
