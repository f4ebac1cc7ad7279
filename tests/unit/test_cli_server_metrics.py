"""The server's own numbers beside ours, with the real binary against made-up servers."""

from __future__ import annotations

import json
import threading
import urllib.request
from pathlib import Path

from cli_harness import fake_server
from exporter_harness import fake_exporter, run, write_config

FAST = ("--ttft-ms", "40", "--itl-ms", "5")
# Not the period of the requests: readings might always fall between two requests.
EVERY = {"type": "server_metrics", "period_s": 0.13}


def ask(endpoint: str, tokens: int) -> None:
    """Another client of the server."""
    body = {
        "model": "fake-model",
        "messages": [{"role": "user", "content": "Another question?"}],
        "max_tokens": tokens,
        "ignore_eos": True,
        "min_tokens": tokens,
    }
    request = urllib.request.Request(
        endpoint + "/chat/completions",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    urllib.request.urlopen(request).read()


def test_the_servers_counts_stand_beside_ours(tmp_path: Path) -> None:
    with fake_server(*FAST) as endpoint:
        write_config(tmp_path, endpoint, [EVERY], 1.5, warmup_prompts=2)
        results, _ = run(tmp_path)
    server = results["server"]
    assert server["engine"] == "vllm"
    assert server["url"] == endpoint.removesuffix("/v1") + "/metrics"
    assert server["output_tokens"] == server["our_output_tokens"] > 0, "without the warm-up's"
    assert server["prompt_tokens"] == server["our_prompt_tokens"] > 0
    assert server["finished_requests"] == results["summary"]["successful_prompts"]
    assert server["readings"] >= 4
    assert 0 < server["mean_running"] <= server["max_running"]
    assert server["preemptions"] == 0
    assert server["draft_acceptance"] is None, "this server does not draft"
    assert len(server["series"]["t_s"]) == len(server["series"]["running"])
    assert not any("server counted" in warning for warning in results["warnings"])
    assert "server" not in results["collected"]


def test_other_clients_are_noticed(tmp_path: Path) -> None:
    with fake_server(*FAST) as endpoint:
        write_config(tmp_path, endpoint, [EVERY], 1.5)
        timers = [threading.Timer(1.2 + i * 0.05, ask, (endpoint, 60)) for i in range(8)]
        for timer in timers:
            timer.start()
        results, _ = run(tmp_path)
        for timer in timers:
            timer.join()
    assert results["server"]["output_tokens"] > results["server"]["our_output_tokens"]
    assert any("other clients use it too" in warning for warning in results["warnings"])


def test_the_page_can_be_left_alone(tmp_path: Path) -> None:
    with fake_server(*FAST) as endpoint:
        write_config(tmp_path, endpoint, [{"type": "server_metrics", "url": "off"}], 0.3)
        results, _ = run(tmp_path)
        page = endpoint.removesuffix("/v1") + "/fake/requests"
        with urllib.request.urlopen(page) as response:
            paths = {request["path"] for request in json.load(response)}
    assert results["server"] is None
    assert "/metrics" not in paths


def test_a_named_page_of_something_else_is_a_warning(tmp_path: Path) -> None:
    with fake_exporter() as url, fake_server(*FAST) as endpoint:
        source = {"type": "server_metrics", "url": url + "/metrics"}
        write_config(tmp_path, endpoint, [source], 0.3)
        results, _ = run(tmp_path)
    assert results["server"] is None
    assert any("no metric of vLLM" in warning for warning in results["warnings"])
