"""`aieb` against llama.cpp's server: an OpenAI-compatible API that is not vLLM's."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from cli_harness import aieb, assert_fails, start_aieb
from real_servers import (
    CONTEXT,
    NAME,
    QUESTIONS,
    RealServer,
    answer,
    answers,
    get,
    records,
    run,
    write_config,
)

pytestmark = [pytest.mark.integration, pytest.mark.servers]

GENERATED = "llamacpp:tokens_predicted_total"
PROCESSED = "llamacpp:prompt_tokens_total"
CACHED = "llamacpp:prompt_tokens_cached_total"


def total(prompts: list[Any], key: str) -> int:
    return sum(p[key] for p in prompts)


@pytest.mark.parametrize("chat", ["true", "false"])
def test_its_counters_grow_by_what_is_reported(
    llama_cpp: RealServer, tmp_path: Path, chat: str
) -> None:
    before = llama_cpp.counters()
    prompts = answers(
        tmp_path,
        llama_cpp,
        "openai",
        use_chat_template=chat,
        generate_kwargs={"max_new_tokens": 8, "stop": [" is"]},
        load={"mode": "closed", "concurrency": 4},
    )
    growth = llama_cpp.growth_since(before)
    assert growth[GENERATED] == total(prompts, "completion_tokens")
    # It counts what it reads from its cache apart.
    assert growth[PROCESSED] + growth[CACHED] == total(prompts, "prompt_tokens")
    assert growth[CACHED] == total(prompts, "cached_tokens")
    assert {p["finish_reason"] for p in prompts} <= {"stop", "length"}


def test_the_energy_is_measured_where_it_runs(llama_cpp: RealServer, tmp_path: Path) -> None:
    write_config(
        tmp_path, llama_cpp, "openai", prompts=QUESTIONS[:1], generate_kwargs={"max_new_tokens": 2}
    )
    results = run(tmp_path)
    scope = results["environment"]["energy_scope"]
    assert (scope["scope"], f"process {llama_cpp.pid} " in scope["reason"]) == ("local", True)
    assert results["summary"]["cpu_energy_wh"] > 0


def test_greedy_answers_are_those_of_a_bare_request(llama_cpp: RealServer, tmp_path: Path) -> None:
    ours = answer(tmp_path, llama_cpp, "openai", max_new_tokens=8)
    message = {"role": "user", "content": QUESTIONS[0]}
    body = {"messages": [message], "temperature": 0, "max_tokens": 8}
    bare = json.loads(get(f"{llama_cpp.endpoint}/chat/completions", body))
    assert ours["text"] == bare["choices"][0]["message"]["content"]
    assert ours["completion_tokens"] == bare["usage"]["completion_tokens"]


def test_an_answer_that_is_not_streamed_is_the_same_without_times(
    llama_cpp: RealServer, tmp_path: Path
) -> None:
    streamed = answer(tmp_path, llama_cpp, "openai", max_new_tokens=8)
    whole = answer(tmp_path, llama_cpp, "openai", max_new_tokens=8, stream=False)
    for key in ("text", "prompt_tokens", "completion_tokens", "finish_reason"):
        assert whole[key] == streamed[key]
    assert whole["ttft_s"] is None


def test_the_seed_decides_what_is_sampled(llama_cpp: RealServer, tmp_path: Path) -> None:
    def sampled(seed: int) -> str:
        kwargs = {"temperature": 1.5, "max_new_tokens": 8, "seed": seed, "cache_prompt": False}
        return str(answer(tmp_path, llama_cpp, "openai", **kwargs)["text"])

    assert sampled(1) == sampled(1)
    assert sampled(1) != sampled(2)


def test_keys_of_its_own_are_sent_as_they_are(llama_cpp: RealServer, tmp_path: Path) -> None:
    forced = answer(
        tmp_path, llama_cpp, "openai", max_new_tokens=20, grammar='root ::= "yes, " "indeed"'
    )
    assert (forced["text"], forced["finish_reason"]) == ("yes, indeed", "stop")


@pytest.mark.parametrize("backend", ["openai", "vllm"])
def test_ignore_eos_is_sent_where_the_type_says_that_the_server_knows_it(
    llama_cpp: RealServer, tmp_path: Path, backend: str
) -> None:
    write_config(
        tmp_path,
        llama_cpp,
        backend,
        prompts=QUESTIONS[:1],
        generate_kwargs={"max_new_tokens": 4, "ignore_eos": True},
    )
    results = run(tmp_path)
    (prompt,) = results["per_prompt_results"]
    assert (prompt["finish_reason"], prompt["completion_tokens"]) == ("length", 4)
    notices = [text for text in results["warnings"] if "ignore_eos has no effect" in text]
    assert len(notices) == (1 if backend == "openai" else 0)


def test_reasoning_is_told_from_the_answer(thinking: RealServer, tmp_path: Path) -> None:
    grammar = r'root ::= "<think>\nhm, well\n</think>\n\nHello"'
    before = thinking.counters()
    prompt = answer(tmp_path, thinking, "openai", max_new_tokens=40, grammar=grammar)
    assert prompt["text"] == "Hello"
    assert prompt["completion_tokens"] == thinking.growth_since(before)[GENERATED]
    (record,) = records(tmp_path)
    assert record["reasoning"].strip() == "hm, well"
    assert record["first_ns"] < record["first_answer_ns"] < record["last_ns"]


def test_another_model_is_refused_before_the_run(llama_cpp: RealServer, tmp_path: Path) -> None:
    write_config(tmp_path, llama_cpp, "openai")
    done = aieb(tmp_path, "run", "config.json", "backend.model=gpt2", "--quiet")
    assert_fails(done, 5, "does not serve 'gpt2'", NAME)


def test_a_prompt_that_is_too_long_fails_alone(llama_cpp: RealServer, tmp_path: Path) -> None:
    write_config(
        tmp_path,
        llama_cpp,
        "openai",
        prompts=(QUESTIONS[0], "word " * CONTEXT, QUESTIONS[1]),
        generate_kwargs={"max_new_tokens": 2},
    )
    prompts = run(tmp_path, code=1)["per_prompt_results"]
    assert [p["success"] for p in prompts] == [True, False, True]
    assert prompts[1]["error_class"] == "http_4xx"
    assert "exceeds the available context size" in prompts[1]["error"]


@pytest.mark.parametrize(("breaker", "code"), [(3, 6), (0, 1)])
def test_a_server_that_is_killed_leaves_failed_requests(
    llama_cpp: RealServer, tmp_path: Path, breaker: int, code: int
) -> None:
    write_config(
        tmp_path,
        llama_cpp,
        "openai",
        prompts=QUESTIONS * 2,
        generate_kwargs={"max_new_tokens": 30},
        circuit_breaker={"consecutive_failures": breaker},
    )
    before = llama_cpp.counters()
    process = start_aieb(tmp_path, "run", "config.json", "--quiet", "--json", "r.json")
    while not llama_cpp.growth_since(before)[GENERATED] and process.poll() is None:
        time.sleep(0.1)
    llama_cpp.stop(signal.SIGKILL)
    _, said = process.communicate(timeout=120)
    assert process.returncode == code, said
    summary = json.loads((tmp_path / "r.json").read_text())["summary"]
    assert summary["total_prompts"] == 8
    assert summary["successful_prompts"] >= 1
    assert summary["failed_prompts"] == (3 if breaker else 8 - summary["successful_prompts"])
    assert (
        summary["not_begun_prompts"]
        == 8 - summary["successful_prompts"] - summary["failed_prompts"]
    )


def test_nothing_listening_is_an_error_that_says_so(llama_cpp: RealServer, tmp_path: Path) -> None:
    write_config(tmp_path, llama_cpp, "openai")
    llama_cpp.stop()
    done = aieb(tmp_path, "run", "config.json", "--quiet")
    assert_fails(done, 5, "No server answers at", "connect")
