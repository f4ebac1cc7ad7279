"""`aieb` against a real vLLM on the CPU: what it sends is honoured, what it counts is what vLLM counts."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from cli_harness import ROOT, aieb, assert_fails, start_aieb
from real_servers import (
    CONTEXT,
    NAME,
    QUESTIONS,
    RealServer,
    answer,
    answers,
    get,
    run,
    write_config,
)

pytestmark = [pytest.mark.integration, pytest.mark.vllm, pytest.mark.servers]

GENERATED = "vllm:generation_tokens_total"
PROMPTED = "vllm:prompt_tokens_total"


def ended(growth: dict[str, float]) -> dict[str, float]:
    """How many requests ended, by reason."""
    prefix = "vllm:request_success_total."
    return {k.removeprefix(prefix): v for k, v in growth.items() if k.startswith(prefix) and v}


def total(prompts: list[Any], key: str) -> int:
    return sum(p[key] for p in prompts)


def test_the_configuration_of_the_repository_measures_it(vllm: RealServer, tmp_path: Path) -> None:
    shutil.copy(ROOT / "configs" / "gpt_oss_120b.yaml", tmp_path / "config.yaml")
    (tmp_path / "prompts.jsonl").write_text(
        "".join(json.dumps({"text": text}) + "\n" for text in QUESTIONS)
    )
    results = run(
        tmp_path,
        "scenario.dataset_name=prompts.jsonl",
        "scenario.num_samples=3",
        "scenario.generate_kwargs.max_new_tokens=16",
        "scenario.generate_kwargs.min_new_tokens=10",
        "metrics.idle_s=1",
        config="config.yaml",
        VLLM_ENDPOINT=vllm.endpoint,
        BENCHMARK_MODEL=NAME,
    )
    assert [10 <= p["completion_tokens"] <= 16 for p in results["per_prompt_results"]] == [True] * 3
    with (tmp_path / "results" / "gpt_oss_120b_results.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert row["model"] == NAME
    assert row["successful_prompts"] == "3"
    # The server's process is one of this host: its joules are measured here.
    scope = results["environment"]["energy_scope"]
    assert (scope["scope"], f"process {vllm.pid} " in scope["reason"]) == ("local", True)
    assert float(row["cpu_energy_wh"]) > 0
    assert results["environment"]["engine"]["details"]["server_version"] == "0.24.0"
    assert results["environment"]["engine"]["details"]["max_model_len"] == CONTEXT


def test_its_counters_grow_by_what_is_reported(vllm: RealServer, tmp_path: Path) -> None:
    before = vllm.counters()
    write_config(
        tmp_path,
        vllm,
        prompts=QUESTIONS * 2,
        generate_kwargs={"max_new_tokens": 9, "stop": [" the"]},
        load={"mode": "closed", "concurrency": 4},
    )
    results = run(tmp_path)
    growth = vllm.growth_since(before)
    prompts, summary = results["per_prompt_results"], results["summary"]
    assert growth[GENERATED] == total(prompts, "completion_tokens") == summary["output_tokens"]
    assert growth[PROMPTED] == total(prompts, "prompt_tokens") == summary["prompt_tokens"]
    assert growth["vllm:prefix_cache_hits_total"] == total(prompts, "cached_tokens")
    reasons = [p["finish_reason"] for p in prompts]
    assert ended(growth) == {r: reasons.count(r) for r in set(reasons)}
    assert set(reasons) == {"length", "stop"}


def test_several_choices_of_a_prompt_are_all_counted(vllm: RealServer, tmp_path: Path) -> None:
    before = vllm.counters()
    (prompt,) = answers(
        tmp_path,
        vllm,
        prompts=QUESTIONS[1:2],
        generate_kwargs={
            "max_new_tokens": 8, "num_return_sequences": 3, "temperature": 1.0, "ignore_eos": True,
        },
    )  # fmt: skip
    assert prompt["completion_tokens"] == vllm.growth_since(before)[GENERATED] == 24


def test_a_sweep_over_concurrency_is_counted_to_the_token(vllm: RealServer, tmp_path: Path) -> None:
    before = vllm.counters()
    write_config(
        tmp_path,
        vllm,
        generate_kwargs={"max_new_tokens": 8, "ignore_eos": True},
        load={"mode": "closed", "concurrency": 1},
    )
    grid = "scenario.load.concurrency=1,2,4"
    done = aieb(tmp_path, "sweep", "config.json", "--quiet", "--json", "-", grid, limit_s=400)
    assert done.returncode == 0, done.stderr
    points = json.loads(done.stdout)["points"]
    assert [(p["metrics"]["requests"], p["metrics"]["failed_requests"]) for p in points] == [
        (4, 0)
    ] * 3
    assert vllm.growth_since(before)[GENERATED] == 96


def test_another_model_is_refused_before_the_run(vllm: RealServer, tmp_path: Path) -> None:
    write_config(tmp_path, vllm)
    done = aieb(tmp_path, "run", "config.json", "backend.model=smollm2", "--quiet")
    assert_fails(done, 5, "does not serve 'smollm2'", f"{NAME}   <- most like it")


# --- generation parameters: every one changes what comes back -----------------------------------


def test_ignore_eos_goes_on_to_the_limit(vllm: RealServer, tmp_path: Path) -> None:
    plain = answer(tmp_path, vllm, max_new_tokens=24)
    assert (plain["finish_reason"], plain["completion_tokens"] < 24) == ("stop", True)
    fixed = answer(tmp_path, vllm, max_new_tokens=24, ignore_eos=True)
    assert (fixed["finish_reason"], fixed["completion_tokens"]) == ("length", 24)


def test_min_new_tokens_holds_off_the_end(vllm: RealServer, tmp_path: Path) -> None:
    longer = answer(tmp_path, vllm, max_new_tokens=24, min_new_tokens=18)
    assert 18 <= longer["completion_tokens"] <= 24


def test_a_stop_string_ends_the_answer(vllm: RealServer, tmp_path: Path) -> None:
    cut = answer(tmp_path, vllm, max_new_tokens=24, stop=[" Paris"])
    assert cut["finish_reason"] == "stop"
    assert cut["text"] == "The capital of France is"


def test_greedy_answers_repeat_and_are_those_of_a_bare_request(
    vllm: RealServer, tmp_path: Path
) -> None:
    first, second = (answer(tmp_path, vllm, max_new_tokens=8) for _ in range(2))
    message = {"role": "user", "content": QUESTIONS[0]}
    body = {"model": NAME, "messages": [message], "temperature": 0, "max_tokens": 8}
    bare = json.loads(get(f"{vllm.endpoint}/chat/completions", body))
    assert first["text"] == second["text"] == bare["choices"][0]["message"]["content"]
    assert first["completion_tokens"] == bare["usage"]["completion_tokens"]


def test_the_seed_decides_what_is_sampled(vllm: RealServer, tmp_path: Path) -> None:
    def sampled(seed: int) -> str:
        kwargs = {"temperature": 1.5, "max_new_tokens": 10, "seed": seed}
        return str(answer(tmp_path, vllm, **kwargs)["text"])

    assert sampled(1) == sampled(1)
    assert sampled(1) != sampled(2)


def test_top_k_of_one_is_greedy_at_any_temperature(vllm: RealServer, tmp_path: Path) -> None:
    hot = answer(tmp_path, vllm, max_new_tokens=8, temperature=2.0, top_k=1)
    assert hot["text"] == answer(tmp_path, vllm, max_new_tokens=8)["text"]


def test_a_repetition_penalty_changes_the_answer(vllm: RealServer, tmp_path: Path) -> None:
    kwargs: dict[str, Any] = {"max_new_tokens": 16, "ignore_eos": True, "chat": False}
    plain = answer(tmp_path, vllm, **kwargs)
    assert answer(tmp_path, vllm, repetition_penalty=1.8, **kwargs)["text"] != plain["text"]


def test_keys_of_the_servers_own_are_honoured_at_top_level(
    vllm: RealServer, tmp_path: Path
) -> None:
    body = {"model": NAME, "prompt": " blue", "add_special_tokens": False}
    (token,) = json.loads(get(f"{vllm.root}/tokenize", body))["tokens"]
    forced = answer(tmp_path, vllm, max_new_tokens=4, allowed_token_ids=[token])
    assert forced["text"] == " blue" * 4


# --- ways to ask ----------------------------------------------------------------------------------


def test_chat_and_completions_have_the_lengths_that_its_tokenizer_says(
    vllm: RealServer, tmp_path: Path
) -> None:
    url = f"{vllm.root}/tokenize"
    message = {"role": "user", "content": QUESTIONS[0]}
    chat = json.loads(get(url, {"model": NAME, "messages": [message]}))["count"]
    bare = json.loads(get(url, {"model": NAME, "prompt": QUESTIONS[0]}))["count"]
    assert chat > bare
    assert answer(tmp_path, vllm, max_new_tokens=2)["prompt_tokens"] == chat
    assert answer(tmp_path, vllm, max_new_tokens=2, chat=False)["prompt_tokens"] == bare


def test_synthetic_prompts_have_exactly_the_length_asked_for(
    vllm: RealServer, tmp_path: Path
) -> None:
    before = vllm.counters()
    prompts = answers(
        tmp_path,
        vllm,
        prompts=QUESTIONS[:3],
        synthetic={"input_tokens": {"mean": 75}, "output_tokens": {"mean": 3}},
    )
    assert [(p["prompt_tokens"], p["completion_tokens"]) for p in prompts] == [(75, 3)] * 3
    assert vllm.growth_since(before)[PROMPTED] == 225


def test_an_answer_that_is_not_streamed_is_the_same_without_times(
    vllm: RealServer, tmp_path: Path
) -> None:
    streamed = answer(tmp_path, vllm, max_new_tokens=8)
    write_config(
        tmp_path,
        vllm,
        prompts=QUESTIONS[:1],
        generate_kwargs={"max_new_tokens": 8, "stream": False},
    )
    results = run(tmp_path)
    (whole,) = results["per_prompt_results"]
    for key in ("text", "prompt_tokens", "completion_tokens", "finish_reason"):
        assert whole[key] == streamed[key]
    assert whole["ttft_s"] is None
    assert whole["latency_s"] > 0
    assert not [w for w in results["warnings"] if "stream_options" in w]


def test_reasoning_effort_is_taken_at_top_level(vllm: RealServer, tmp_path: Path) -> None:
    (prompt,) = answers(
        tmp_path,
        vllm,
        prompts=QUESTIONS[:1],
        reasoning=True,
        reasoning_params={"reasoning_effort": "low"},
        generate_kwargs={"max_new_tokens": 3},
    )
    assert prompt["success"], prompt["error"]


# --- times and caches -----------------------------------------------------------------------------


def test_latencies_are_those_of_its_histograms(
    vllm: RealServer, tmp_path: Path, record_property: Any
) -> None:
    before = vllm.counters()
    write_config(tmp_path, vllm, generate_kwargs={"max_new_tokens": 12, "ignore_eos": True})
    summary = run(tmp_path)["summary"]
    growth = vllm.growth_since(before)
    pairs = {
        "ttft_s": "vllm:time_to_first_token_seconds",
        "itl_s": "vllm:inter_token_latency_seconds",
        "tpot_s": "vllm:request_time_per_output_token_seconds",
        "e2e_s": "vllm:e2e_request_latency_seconds",
    }
    for ours, theirs in pairs.items():
        count = growth[f"{theirs}_count"]
        mean = growth[f"{theirs}_sum"] / count
        record_property(ours, f"{summary[ours]['mean']:.4f} s here, {mean:.4f} s there")
        assert summary[ours]["count"] == count
        # The server's clock starts when it has parsed the request; other work shares these cores.
        assert summary[ours]["mean"] == pytest.approx(mean, rel=0.25, abs=0.1)


def long_question(i: int) -> str:
    return f"Story {i}. " + "The fox went over the hill and saw a river. " * 10 + "What did it see?"


@pytest.mark.parametrize(("allowed", "cached"), [(False, False), (True, True)])
def test_repeats_hit_its_prefix_cache_only_where_they_may(
    vllm: RealServer, tmp_path: Path, allowed: bool, cached: bool
) -> None:
    before = vllm.counters()
    write_config(
        tmp_path,
        vllm,
        prompts=(long_question(10 + allowed),),
        generate_kwargs={"max_new_tokens": 2},
        load={
            "mode": "closed", "concurrency": 1, "request_count": 3, "allow_cached_repeats": allowed,
        },
    )  # fmt: skip
    prompts = run(tmp_path)["per_prompt_results"]
    hits = vllm.growth_since(before)["vllm:prefix_cache_hits_total"]
    assert hits == total(prompts, "cached_tokens")
    assert [p["cached_tokens"] > 32 for p in prompts] == [False, cached, cached]


# --- failures -------------------------------------------------------------------------------------


def test_a_prompt_that_is_too_long_fails_alone(vllm: RealServer, tmp_path: Path) -> None:
    write_config(
        tmp_path,
        vllm,
        prompts=(QUESTIONS[0], "word " * CONTEXT, QUESTIONS[1]),
        generate_kwargs={"max_new_tokens": 2},
    )
    prompts = run(tmp_path, code=1)["per_prompt_results"]
    assert [p["success"] for p in prompts] == [True, False, True]
    assert prompts[1]["error_class"] == "http_4xx"
    assert f"maximum context length is {CONTEXT} tokens" in prompts[1]["error"]


def test_a_request_that_runs_out_of_time_is_given_up_by_the_server_too(
    vllm: RealServer, tmp_path: Path
) -> None:
    before = vllm.counters()
    write_config(
        tmp_path,
        vllm,
        prompts=QUESTIONS[:1],
        generate_kwargs={"max_new_tokens": 400, "ignore_eos": True},
        timeouts={"total_s": 3},
    )
    (prompt,) = run(tmp_path, code=1)["per_prompt_results"]
    assert prompt["error_class"] == "timeout_total"
    # It counts no aborted requests; what it still works on shows that it has let go.
    limit = time.monotonic() + 30
    while vllm.counters()["vllm:num_requests_running"] and time.monotonic() < limit:
        time.sleep(0.2)
    assert vllm.counters()["vllm:num_requests_running"] == 0
    assert vllm.growth_since(before)[GENERATED] < 400


def test_an_engine_that_is_killed_ends_the_run_and_keeps_it(
    vllm: RealServer, tmp_path: Path
) -> None:
    """Last in this file: the server does not survive it."""
    write_config(
        tmp_path,
        vllm,
        prompts=QUESTIONS * 3,
        generate_kwargs={"max_new_tokens": 60, "ignore_eos": True},
        load={"mode": "closed", "concurrency": 2},
    )
    finished = vllm.counters()
    process = start_aieb(tmp_path, "run", "config.json", "--quiet", "--json", "r.json")
    while not ended(vllm.growth_since(finished)) and process.poll() is None:
        time.sleep(0.1)
    for child in vllm.children():
        os.kill(child, signal.SIGKILL)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 6, said
    prompts = json.loads((tmp_path / "r.json").read_text())["per_prompt_results"]
    kept = [p for p in prompts if p["success"]]
    failed = [p for p in prompts if p["status"] == "failed"]
    assert kept
    assert all(p["completion_tokens"] == 60 for p in kept)
    assert len(failed) >= 3
    assert all(p["error"] and p["error_class"] for p in failed)
