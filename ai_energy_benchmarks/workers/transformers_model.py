"""Loads a model as the keys of the configuration's section `backend` say."""

from __future__ import annotations

import importlib
import importlib.metadata
import platform
import sys
from collections.abc import Sequence
from typing import Any

from ai_energy_benchmarks.workers.wire import Json, ReportedError

__all__ = ["Model", "installed_versions", "is_out_of_memory"]

PACKAGES = ("torch", "transformers", "accelerate", "bitsandbytes", "gguf", "tokenizers")


def is_out_of_memory(error: BaseException) -> bool:
    # The CPU allocator has no exception type of its own; that of the GPU's is torch's.
    cpu = isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    return cpu or isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"


def installed_versions() -> dict[str, str | None]:
    versions: dict[str, str | None] = {}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = None
    return versions


def location(task: Json) -> Json:
    """Arguments of from_pretrained that say which model."""
    where: Json = {"pretrained_model_name_or_path": task["model"]}
    if task["gguf_file"]:
        where["gguf_file"] = task["gguf_file"]
    if task["revision"]:
        where["revision"] = task["revision"]
    if task["trust_remote_code"]:
        where["trust_remote_code"] = True
    return where


def placement(task: Json, torch: Any) -> Json:
    """Arguments of from_pretrained that say where the weights go."""
    arguments: Json = {}
    device_map = task["device_map"]
    on_gpu = task["device"] != "cpu"
    if on_gpu and not torch.cuda.is_available():
        raise ReportedError(
            "environment",
            f"torch {torch.__version__} of {sys.executable} cannot use the GPU. Install a torch "
            "build for this driver, or set backend.device: cpu",
        )
    if device_map is not None:
        arguments["device_map"] = device_map
    elif on_gpu and (task["load_in_8bit"] or task["load_in_4bit"]):
        arguments["device_map"] = {"": 0}
    if task["max_memory"] is not None and device_map is not None:  # JSON has no integer keys
        arguments["max_memory"] = {
            int(key) if key.isdigit() else key: value for key, value in task["max_memory"].items()
        }
    return arguments


def quantization(task: Json, transformers: Any) -> Json:
    if not (task["load_in_8bit"] or task["load_in_4bit"]):
        return {}
    config = transformers.BitsAndBytesConfig(
        load_in_8bit=task["load_in_8bit"],
        load_in_4bit=task["load_in_4bit"],
        **{key: value for key, value in task.items() if key.startswith("bnb_4bit_")},
    )
    return {"quantization_config": config}


class Model:
    """Tokenizer and weights, ready to generate."""

    def __init__(self, task: Json, offload_folder: str) -> None:
        """Weights that are placed on the disk and lie in no safetensors file go to the folder."""
        torch: Any = importlib.import_module("torch")
        transformers: Any = importlib.import_module("transformers")
        transformers.utils.logging.disable_progress_bar()
        self.torch = torch
        self.transformers = transformers
        if task["threads"]:
            torch.set_num_threads(task["threads"])
        where = location(task)
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(**where, padding_side="left")
        placed = placement(task, torch)
        if "device_map" in placed:
            placed["offload_folder"] = offload_folder
        dtype = task["dtype"] if task["dtype"] == "auto" else getattr(torch, task["dtype"])
        model = transformers.AutoModelForCausalLM.from_pretrained(
            **where, dtype=dtype, **placed, **quantization(task, transformers)
        )
        if task["device"] != "cpu" and "device_map" not in placed:
            model = model.to("cuda:0")
        self.model = model.eval()
        self.pad = self._padding(task["pad_token_id"])
        self._template_rule = task["use_chat_template"]
        self._special_rule = task["add_special_tokens"]
        if self._template_rule == "true" and not self.tokenizer.chat_template:
            raise ReportedError(
                "config",
                "scenario.use_chat_template is true, but the model has no chat template; "
                "set it to auto or false",
            )

    def eos(self) -> list[int]:
        ids = self.model.generation_config.eos_token_id
        if ids is None:
            return []
        return list(ids) if isinstance(ids, (list, tuple)) else [ids]

    def _padding(self, asked: int | None) -> int:
        generation = self.model.generation_config.pad_token_id
        for choice in (asked, generation, self.tokenizer.pad_token_id, *self.eos()):
            if choice is not None:
                return int(choice)
        return 0

    @property
    def uses_template(self) -> bool:
        return self._template_rule != "false" and bool(self.tokenizer.chat_template)

    def encode(self, request: Json) -> list[int]:
        """Messages through the chat template, which writes its special tokens itself; else the
        plain prompt with the tokenizer's own."""
        text = request["text"]
        if self.uses_template:
            text = self.tokenizer.apply_chat_template(
                request["messages"],
                tokenize=False,
                add_generation_prompt=True,
                **request["template_kwargs"],
            )
        special = not self.uses_template
        if self._special_rule != "auto":
            special = self._special_rule == "true"
        encoded = self.tokenizer(text + request["prefix"], add_special_tokens=special)
        return list(encoded["input_ids"])

    def decode(self, tokens: Sequence[int]) -> str:
        return str(self.tokenizer.decode(tokens, skip_special_tokens=True))

    def context_length(self) -> int | None:
        length = getattr(self.model.config.get_text_config(), "max_position_embeddings", None)
        return length if isinstance(length, int) and length > 0 else None

    def free_unused(self) -> None:
        """After a failure: what it left cached must not fail the next batch."""
        if self.model.device.type == "cuda":
            self.torch.cuda.empty_cache()

    def facts(self) -> Json:
        """What results keep of this model."""
        model, torch = self.model, self.torch
        placed = getattr(model, "hf_device_map", None)
        return {
            "versions": {**installed_versions(), "python": platform.python_version()},
            "cuda": torch.version.cuda if model.device.type == "cuda" else None,
            "dtype": str(model.dtype).removeprefix("torch."),
            "device": str(model.device),
            "device_map": {key: str(value) for key, value in placed.items()} if placed else None,
            "model_class": type(model).__name__,
            "model_type": model.config.model_type,
            "parameters": model.num_parameters(),
            "weight_bytes": model.get_memory_footprint(return_buffers=False),
            "context_length": self.context_length(),
            "attention": getattr(model.config, "_attn_implementation", None),
            "chat_template": "the model's" if self.uses_template else "none",
            "threads": torch.get_num_threads(),
        }
