#!/usr/bin/env python3
"""Writes the model of a GGUF file as a folder that transformers and vLLM read, in bfloat16.

convert_gguf.py MODEL.gguf FOLDER
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


def convert(gguf: Path, folder: Path) -> None:
    packed = AutoModelForCausalLM.from_pretrained(
        gguf.parent, gguf_file=gguf.name, dtype=torch.bfloat16
    )
    config = packed.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    # A model that came from a quantized file does not save itself: its weights move to a plain one.
    model = type(packed)(config)
    torch.nn.Module.to(model, dtype=torch.bfloat16)
    model.load_state_dict(packed.state_dict())
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name).save_pretrained(folder)


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    gguf, folder = (Path(argument) for argument in sys.argv[1:])
    # Half a folder must not look like a whole one.
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    convert(gguf, partial)
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)


if __name__ == "__main__":
    main()
