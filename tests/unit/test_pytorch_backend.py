"""PyTorchBackend and runs with it, on a tiny model."""

from __future__ import annotations

from pathlib import Path

import pytest
from python_harness import PROMPTS, clean_environment, config_values

transformers = pytest.importorskip("transformers")

from python_models import make_tiny_model  # noqa: E402

from ai_energy_benchmarks import _core  # noqa: E402
from ai_energy_benchmarks.backends.pytorch import PyTorchBackend  # noqa: E402
from ai_energy_benchmarks.config.parser import BenchmarkConfig  # noqa: E402
from ai_energy_benchmarks.errors import ModelError  # noqa: E402
from ai_energy_benchmarks.runner import BenchmarkRunner  # noqa: E402

needs_plugin = pytest.mark.skipif(
    not (Path(_core.__file__).parent / "libaieb_pytorch.so").exists(),
    reason="this build of the package has no pytorch backend (AIEB_PYTORCH=OFF)",
)
pytestmark = pytest.mark.pytorch

TOKENS = 6


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


class TestPyTorchBackend:
    def test_initialization(self) -> None:
        backend = PyTorchBackend(model="gpt2", device="cuda", device_ids=[0], torch_dtype="float16")
        assert (backend.model, backend.device) == ("gpt2", "cuda")
        assert backend.device_ids == [0]
        assert backend.torch_dtype == "float16"

    @needs_plugin
    def test_an_answer_is_that_of_transformers(self, model: Path) -> None:
        backend = PyTorchBackend(model=str(model), device="cpu", torch_dtype="float32")
        assert backend.validate_environment() is True
        backend.load_model()
        result = backend.run_inference("Hello world", max_new_tokens=TOKENS, min_new_tokens=TOKENS)
        backend.cleanup()
        tokenizer = transformers.AutoTokenizer.from_pretrained(model)
        theirs = transformers.AutoModelForCausalLM.from_pretrained(model).generate(
            **tokenizer("Hello world", return_tensors="pt"),
            max_new_tokens=TOKENS, min_new_tokens=TOKENS, do_sample=False, pad_token_id=0,
        )[0]  # fmt: skip
        assert result["success"] is True
        assert result["token_ids"] == theirs[-TOKENS:].tolist()
        assert result["total_tokens"] == len(theirs)
        assert result["latency_seconds"] > 0

    @needs_plugin
    def test_a_missing_model_is_said(self, caplog: pytest.LogCaptureFixture) -> None:
        backend = PyTorchBackend(model="./nowhere", device="cpu")
        assert backend.validate_environment() is False
        assert "nowhere" in caplog.text
        with pytest.raises(ModelError, match="nowhere"):
            backend.load_model()


@needs_plugin
def test_a_run_has_every_documented_key(
    model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    clean_environment(monkeypatch, tmp_path)
    values = config_values(tmp_path, type="pytorch", model=str(model), device="cpu")
    results = BenchmarkRunner(BenchmarkConfig.from_dict(values)).run()
    assert results["summary"]["backend"] == "pytorch"
    assert results["summary"]["successful_prompts"] == PROMPTS
    assert isinstance(results["gpu_stats"], dict)
    assert results["environment"]["engine"]["device"] == "cpu"
    for prompt in results["per_prompt_results"]:
        assert prompt["energy_wh"] is None or prompt["energy_wh"] > 0
        assert len(prompt["token_ids"]) == prompt["completion_tokens"]
