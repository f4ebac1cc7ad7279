"""Schedules, traces, synthetic prompts and goodput, with the real binary against made-up servers."""

from __future__ import annotations

import json
import signal
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from cli_harness import aieb, assert_fails, fake_server, start_aieb

pytest.importorskip("tokenizers")
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

FAST = ("--ttft-ms", "5", "--itl-ms", "1")


def write_config(folder: Path, endpoint: str, scenario: dict[str, Any], **backend: Any) -> None:
    (folder / "prompts.jsonl").write_text(
        "".join(json.dumps({"text": f"Question {i}?"}) + "\n" for i in range(6))
    )
    config = {
        "name": "load_test",
        "backend": {"type": "vllm", "endpoint": endpoint, "model": "fake-model"} | backend,
        "scenario": {
            "dataset_name": "prompts.jsonl",
            "num_samples": 6,
            "generate_kwargs": {"max_new_tokens": 4},
        }
        | scenario,
        "metrics": {"idle_s": 0, "warmup_prompts": 0, "country_iso_code": "FRA"},
    }
    (folder / "config.json").write_text(json.dumps(config))


def results_of(folder: Path, *words: str, code: int = 0) -> dict[str, Any]:
    result = aieb(folder, "run", "config.json", "--json", "-", "--quiet", *words)
    assert result.returncode == code, result.stderr
    out: dict[str, Any] = json.loads(result.stdout)
    return out


def plan_of(folder: Path, *words: str) -> dict[str, Any]:
    result = aieb(folder, "run", "config.json", "--dry-run", "--json", "-", *words)
    assert result.returncode == 0, result.stderr
    out: dict[str, Any] = json.loads(result.stdout)
    return out


def bodies_at(endpoint: str) -> list[dict[str, Any]]:
    page = endpoint.removesuffix("/v1") + "/fake/requests"
    with urllib.request.urlopen(page) as response:
        received = json.load(response)
    return [r["body"] for r in received if r["path"].endswith("/completions")]


def test_an_open_loop_sends_at_its_planned_times(tmp_path: Path) -> None:
    load = {"mode": "constant", "request_rate": 40, "duration_s": 1.5}
    with fake_server(*FAST) as endpoint:
        write_config(tmp_path, endpoint, {"load": load})
        results = results_of(tmp_path)
        bodies = bodies_at(endpoint)
    summary = results["summary"]
    assert summary["total_prompts"] == summary["successful_prompts"] == 60
    assert 1.4 < summary["measured_s"] < 3
    assert summary["send_lag_s"]["count"] == 60
    assert 0 <= summary["send_lag_s"]["p50"] < 0.1
    planned, sent = summary["e2e_from_planned_s"], summary["e2e_s"]
    lag = summary["send_lag_s"]["mean"]
    assert planned["mean"] == pytest.approx(sent["mean"] + lag, rel=1e-6)
    # Six prompts, ten rounds: no round shares its salt with another, the first has none.
    salts = [body.get("cache_salt") for body in bodies]
    assert len(set(salts)) == 10
    assert salts.count(None) == 6
    assert results["steady_state"]["in_flight"] is None


def test_answers_that_are_not_streamed_have_totals_and_no_times_within(tmp_path: Path) -> None:
    with fake_server(*FAST) as endpoint:
        write_config(
            tmp_path, endpoint, {"generate_kwargs": {"max_new_tokens": 4, "stream": False}}
        )
        results = results_of(tmp_path)
        bodies = bodies_at(endpoint)
    assert len(bodies) == results["summary"]["successful_prompts"] == 6
    assert results["summary"]["output_tokens"] == 24
    assert results["summary"]["ttft_s"] is None
    assert results["summary"]["e2e_s"]["count"] == 6
    assert not [text for text in results["warnings"] if "stream_options" in text]


def test_a_slow_server_shows_in_the_latency_from_the_intended_start(tmp_path: Path) -> None:
    """The cap on requests in flight delays the sending: the usual latency does not see it."""
    load = {"mode": "constant", "request_rate": 20, "request_count": 20, "concurrency": 2}
    with fake_server("--ttft-ms", "190", "--itl-ms", "1") as endpoint:
        write_config(tmp_path, endpoint, {"load": load})
        summary = results_of(tmp_path)["summary"]
    assert summary["e2e_s"]["max"] < 0.6
    # 20 requests, 2 at a time, 0.19 s each take 1.9 s; the last one wanted to start at 0.95 s.
    assert summary["e2e_from_planned_s"]["max"] > 0.9
    assert summary["send_lag_s"]["max"] > 0.7


def test_a_closed_loop_with_a_duration_reports_its_steady_state(tmp_path: Path) -> None:
    load = {"mode": "closed", "concurrency": 4, "duration_s": 1.5}
    with fake_server("--ttft-ms", "40", "--itl-ms", "10") as endpoint:
        write_config(tmp_path, endpoint, {"load": load})
        results = results_of(tmp_path)
    steady = results["steady_state"]
    assert steady["in_flight"] == 4
    parts = [steady[p]["duration_s"] for p in ("ramp", "energy", "drain")]
    assert sum(parts) == pytest.approx(results["summary"]["measured_s"], rel=1e-6)
    assert 1 < steady["duration_s"] < 1.7
    assert steady["drain"]["duration_s"] > 0
    assert results["summary"]["successful_prompts"] > 20
    assert {p["index"] for p in results["per_prompt_results"]} == set(range(6))


def test_a_stopped_run_counts_what_was_not_begun_apart(tmp_path: Path) -> None:
    load = {"mode": "constant", "request_rate": 10, "request_count": 100}
    with fake_server(*FAST) as endpoint:
        write_config(tmp_path, endpoint, {"load": load})
        process = start_aieb(tmp_path, "run", "config.json", "--json", "r.json", "--quiet")
        while not bodies_at(endpoint):
            time.sleep(0.05)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    summary = json.loads((tmp_path / "r.json").read_text())["summary"]
    assert summary["total_prompts"] == 100
    assert 0 < summary["successful_prompts"] < 50
    assert summary["not_begun_prompts"] >= 50
    assert summary["failed_prompts"] == 0
    known = ("successful_prompts", "cancelled_prompts", "not_begun_prompts")
    assert sum(summary[key] for key in known) == 100


AZURE = """\
TIMESTAMP,ContextTokens,GeneratedTokens\r
2023-11-16 18:15:46.6805900,374,4\r
2023-11-16 18:15:48.9951690,39,9\r
2023-11-16 18:15:50.6805900,1500,1\r
"""


def test_a_replayed_trace_has_the_traced_lengths_and_times(tmp_path: Path) -> None:
    (tmp_path / "trace.csv").write_bytes(AZURE.encode())
    load = {"mode": "trace", "trace_file": "trace.csv", "time_scale": 4}
    with fake_server(*FAST) as endpoint:
        write_config(tmp_path, endpoint, {"load": load})
        results = results_of(tmp_path)
    prompts = sorted(results["per_prompt_results"], key=lambda p: p["index"])
    assert [p["prompt_tokens"] for p in prompts] == [374, 39, 1500]
    assert [p["completion_tokens"] for p in prompts] == [4, 9, 1]
    assert 0.99 < results["summary"]["measured_s"] < 3
    assert results["summary"]["send_lag_s"]["count"] == 3


def test_a_mooncake_trace_shares_prefixes_as_its_hash_ids_do(tmp_path: Path) -> None:
    rows = [
        {"timestamp": 0, "input_length": 1200, "output_length": 2, "hash_ids": [1, 2, 3]},
        {"timestamp": 10, "input_length": 1100, "output_length": 2, "hash_ids": [1, 2, 9]},
        {"timestamp": 20, "input_length": 600, "output_length": 2, "hash_ids": [7, 2]},
    ]
    (tmp_path / "trace.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    with fake_server(*FAST) as endpoint:
        write_config(tmp_path, endpoint, {"load": {"mode": "trace", "trace_file": "trace.jsonl"}})
        plan = plan_of(tmp_path)
    texts = [r["messages"][-1]["content"].split() for r in plan["requests"]]
    assert texts[0][:1024] == texts[1][:1024]
    assert texts[0][1024:1090] != texts[1][1024:1090]
    assert texts[0][:20] != texts[2][:20]


def test_synthetic_lengths_are_exact_by_the_servers_own_count(tmp_path: Path) -> None:
    synthetic = {
        "input_tokens": {"mean": 200, "stdev": 60, "min": 100, "max": 300},
        "output_tokens": {"min": 2, "max": 6},
        "prefix_tokens": 50,
        "prefix_groups": 2,
    }
    with fake_server(*FAST) as endpoint:
        write_config(tmp_path, endpoint, {"synthetic": synthetic, "num_samples": 20, "seed": 3})
        lengths = [len(r["messages"][-1]["content"].split()) for r in plan_of(tmp_path)["requests"]]
        results = results_of(tmp_path)
        bodies = bodies_at(endpoint)
    answers = [p["completion_tokens"] for p in results["per_prompt_results"]]
    counted = [p["prompt_tokens"] for p in results["per_prompt_results"]]
    template = counted[0] - lengths[0]
    assert counted == [n + template for n in lengths]
    assert all(150 <= n <= 350 for n in counted)
    assert len(set(counted)) > 5
    assert answers == [b["max_tokens"] for b in bodies] == [b["min_tokens"] for b in bodies]
    assert set(answers) <= {2, 3, 4, 5, 6} and len(set(answers)) > 2
    assert all(b["ignore_eos"] for b in bodies)
    prefixes = {" ".join(b["messages"][-1]["content"].split()[:50]) for b in bodies}
    assert len(prefixes) == 2


def test_synthetic_lengths_are_exact_by_hugging_faces_tokenizers(tmp_path: Path) -> None:
    """A byte-level BPE that knows half of the words; the library counts, not the tool."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    corpus = [
        "the old house and the big boat are near the green land that we know",
        "a good friend can give you more food than five horse and four bird can eat",
        "how many men and girl came from the north home to find gold for all who are free",
    ] * 50
    tokenizer.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=400, show_progress=False))
    (tmp_path / "model").mkdir()
    tokenizer.save(str(tmp_path / "model" / "tokenizer.json"))
    synthetic = {"input_tokens": {"min": 1, "max": 700}, "tokenizer": "model"}
    write_config(tmp_path, "http://127.0.0.1:9/v1", {"synthetic": synthetic, "num_samples": 50})
    plan = plan_of(tmp_path)
    assert any("the tokenizer of model" in n for n in plan["notices"])
    lengths = [len(tokenizer.encode(r["messages"][-1]["content"])) for r in plan["requests"]]
    assert all(1 <= n <= 700 for n in lengths)
    one = {"input_tokens": {"mean": 321}, "tokenizer": "model"}
    write_config(tmp_path, "http://127.0.0.1:9/v1", {"synthetic": one, "num_samples": 20})
    again = plan_of(tmp_path)["requests"]
    assert [len(tokenizer.encode(r["messages"][-1]["content"])) for r in again] == [321] * 20
    assert len({r["messages"][-1]["content"] for r in again}) == 20


def test_without_a_tokenizer_the_error_names_both_ways(tmp_path: Path) -> None:
    synthetic = {"input_tokens": {"mean": 100}}
    write_config(tmp_path, "http://127.0.0.1:9/v1", {"synthetic": synthetic}, model="no-folder")
    result = aieb(tmp_path, "run", "config.json", "--quiet", HF_HUB_OFFLINE="1")
    assert_fails(
        result, 3, "1. The server's:", "2. The model's own:", "scenario.synthetic.tokenizer"
    )


def test_goodput_counts_what_met_the_service_level(tmp_path: Path) -> None:
    load = {"mode": "closed", "concurrency": 3}
    slo = {"ttft_ms": 200, "e2e_ms": 2000}
    with fake_server("--script", "ok,slow_headers,500", "--slow-s", "0.5", *FAST) as endpoint:
        write_config(tmp_path, endpoint, {"load": load, "slo": slo})
        results = results_of(tmp_path, code=1)
    goodput = results["goodput"]
    assert goodput["judged"] == 6
    assert goodput["good"] == 4
    assert goodput["missed"] == {"ttft_ms": 1, "e2e_ms": 0}
    assert goodput["fraction"] == pytest.approx(4 / 6)
    rate = goodput["requests_per_s"] * results["summary"]["measured_s"]
    assert rate == pytest.approx(4)
    assert [p["meets_slo"] for p in results["per_prompt_results"]].count(True) == 4


def test_the_limits_on_failures_and_time_come_from_the_configuration(tmp_path: Path) -> None:
    with fake_server("--script", "500", "--repeat-last", *FAST) as endpoint:
        write_config(
            tmp_path, endpoint, {"circuit_breaker": {"consecutive_failures": 2}, "num_samples": 6}
        )
        summary = results_of(tmp_path, code=6)["summary"]
    assert summary["failed_prompts"] == 2
    assert summary["not_begun_prompts"] == 4
    with fake_server("--script", "hang", "--repeat-last", "--slow-s", "5") as endpoint:
        write_config(tmp_path, endpoint, {"timeouts": {"first_token_s": 0.2}, "num_samples": 2})
        results = results_of(tmp_path, code=1)
    classes = [p["error_class"] for p in results["per_prompt_results"]]
    assert classes == ["timeout_first_token"] * 2


def test_conversations_take_the_servers_answers_into_their_history(tmp_path: Path) -> None:
    rows = [[f"first {i}", f"second {i}", f"third {i}"] for i in range(3)]
    with fake_server(*FAST) as endpoint:
        write_config(
            tmp_path,
            endpoint,
            {
                "dataset_name": "chats.jsonl",
                "text_column_name": "messages",
                "num_samples": 3,
                "conversation": {"think_time_s": 0.1},
                "load": {"mode": "closed", "concurrency": 3},
            },
        )
        (tmp_path / "chats.jsonl").write_text(
            "".join(json.dumps({"messages": row}) + "\n" for row in rows)
        )
        results = results_of(tmp_path)
        bodies = bodies_at(endpoint)
    assert results["summary"]["successful_prompts"] == 9
    answers = {p["text"] for p in results["per_prompt_results"]}
    lengths = sorted(len(body["messages"]) for body in bodies)
    assert lengths == [1, 1, 1, 3, 3, 3, 5, 5, 5]
    for body in bodies:
        said = [m["content"] for m in body["messages"] if m["role"] == "assistant"]
        assert set(said) <= answers


def test_validate_checks_the_stages_of_a_load(tmp_path: Path) -> None:
    write_config(tmp_path, "http://127.0.0.1:9/v1", {"load": {"mode": "poisson"}})
    assert_fails(aieb(tmp_path, "validate", "config.json"), 2, "scenario.load.request_rate")


def test_the_client_measures_itself_before_a_load_and_says_so(tmp_path: Path) -> None:
    load = {"mode": "closed", "concurrency": 4, "request_count": 12}
    with fake_server(*FAST) as endpoint:
        write_config(tmp_path, endpoint, {"load": load})
        results = results_of(tmp_path, f"output_dir={tmp_path / 'out'}")
        client = results["client"]
        own = client["calibration"]
        assert (own["mode"], own["concurrency"], own["lost"]) == ("closed", 4, 0)
        assert own["requests"] >= 4
        assert own["ttft_error_p99_s"] > 0
        assert own["itl_std_s"] > 0
        assert 0 < client["sending_busy"] <= client["cpu_cores"]
        limited = any("limited by its client" in w for w in results["warnings"])
        assert limited == bool(client["limits"])
        trace = results["files"]["trace"]
        again = aieb(tmp_path, "report", trace, "--format", "json")
        assert json.loads(again.stdout)["client"] == client
        write_config(tmp_path, endpoint, {"load": load | {"calibrate": "false"}})
        assert results_of(tmp_path)["client"]["calibration"] is None
        write_config(tmp_path, endpoint, {})
        assert results_of(tmp_path)["client"]["calibration"] is None, "a plain run is not delayed"


def test_calibrate_measures_loads_without_a_configuration(tmp_path: Path) -> None:
    words = ("--concurrency", "3", "--rate", "50", "--tokens", "4", "--duration", "1")
    result = aieb(tmp_path, "calibrate", *words, "--json", "-")
    assert result.returncode == 0, result.stderr
    closed, opened = json.loads(result.stdout)["calibrations"]
    assert (closed["concurrency"], closed["request_rate"], closed["lost"]) == (3, None, 0)
    assert (opened["request_rate"], opened["lost"]) == (50, 0)
    assert opened["send_lag_p99_s"] > 0
    assert list(tmp_path.iterdir()) == []
    shown = aieb(tmp_path, "calibrate", *words).stdout
    assert "3 in flight" in shown
    assert "50.0 requests/s" in shown


def test_what_is_in_flight_when_the_time_is_over_is_waited_for_only_so_long(
    tmp_path: Path,
) -> None:
    load = {"mode": "closed", "concurrency": 2, "duration_s": 0.5, "drain_s": 1}
    with fake_server("--ttft-ms", "20000") as endpoint:
        write_config(tmp_path, endpoint, {"load": load | {"calibrate": "false"}})
        results = results_of(tmp_path, code=1)
    assert [p["status"] for p in results["per_prompt_results"]] == ["cancelled"] * 2
    assert 1.4 < results["summary"]["measured_s"] < 8
    assert any("scenario.load.drain_s" in w for w in results["warnings"])
