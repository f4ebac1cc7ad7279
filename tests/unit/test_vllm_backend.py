"""VLLMBackend against a server that speaks vLLM's dialect."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_harness import fake_server
from python_harness import clean_environment

from ai_energy_benchmarks.backends.vllm import VLLMBackend
from ai_energy_benchmarks.errors import ServerError

pytestmark = pytest.mark.vllm


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    clean_environment(monkeypatch, tmp_path)
    with fake_server("--ttft-ms", "20", "--itl-ms", "1") as url:
        yield url


class TestVLLMBackend:
    def test_initialization(self) -> None:
        backend = VLLMBackend(endpoint="http://localhost:8000/v1", model="openai/gpt-oss-120b")
        assert backend.endpoint == "http://localhost:8000/v1"
        assert backend.model == "openai/gpt-oss-120b"

    def test_a_running_server_is_valid(self, endpoint: str) -> None:
        assert VLLMBackend(endpoint=endpoint, model="fake-model").validate_environment() is True

    def test_another_model_or_no_server_is_not_and_the_log_says_why(
        self, endpoint: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        assert VLLMBackend(endpoint=endpoint, model="other").validate_environment() is False
        assert "fake-model" in caplog.text
        assert VLLMBackend(endpoint="http://127.0.0.1:9/v1").validate_environment() is False
        with pytest.raises(ServerError, match="127.0.0.1:9"):
            VLLMBackend(endpoint="http://127.0.0.1:9/v1").load_model()

    def test_an_answer_has_text_tokens_and_latencies(self, endpoint: str) -> None:
        backend = VLLMBackend(endpoint=endpoint, model="fake-model")
        answer = backend.run_inference("Hello world", max_tokens=8, temperature=0.5)
        assert answer["success"] is True
        assert answer["text"]
        assert answer["completion_tokens"] == 8
        assert answer["total_tokens"] == answer["prompt_tokens"] + 8
        assert 0.015 < answer["ttft_s"] < answer["latency_seconds"] < 5
        assert answer["energy_wh"] is None
        backend.cleanup()

    def test_a_failed_request_is_data(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with fake_server("--script", "500", "--repeat-last") as url:
            answer = VLLMBackend(endpoint=url, model="fake-model").run_inference("Hello")
        assert answer["success"] is False
        assert "500" in answer["error"]
