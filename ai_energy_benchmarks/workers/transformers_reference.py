"""What `aieb verify` compares the native engine with: transformers on the same prompts.

Reads one JSON document on standard input and writes one to standard output:

    {"model": PATH, "dtype": "float32", "max_new_tokens": 24, "use_chat_template": true,
     "prompts": [{"text": "…", "messages": [{"role": …, "content": …}], "tokens": [1, 2]}]}
    {"transformers": "5.23.0", "torch": "2.11.0",
     "prompts": [{"prompt_tokens": [1, 2], "tokens": [3], "logits": [0.1, …]}]}

`prompt_tokens` is what the reference's own tokenizer makes of the prompt (null without one);
`tokens` are generated greedily after the given tokens, `logits` stand at their last position.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch
import transformers


def location(path: str) -> dict[str, Any]:
    """Arguments of from_pretrained for a folder or a GGUF file."""
    if not path.endswith(".gguf"):
        return {"pretrained_model_name_or_path": path}
    file = Path(path)
    return {"pretrained_model_name_or_path": str(file.parent), "gguf_file": file.name}


def open_tokenizer(where: dict[str, Any]) -> Any:
    try:
        return transformers.AutoTokenizer.from_pretrained(**where)
    except (OSError, ValueError, KeyError) as error:
        print(f"no tokenizer: {error}", file=sys.stderr)
        return None


def encode(tokenizer: Any, prompt: dict[str, Any], use_template: bool) -> list[int] | None:
    if tokenizer is None:
        return None
    if use_template and tokenizer.chat_template:
        text = tokenizer.apply_chat_template(
            prompt["messages"], tokenize=False, add_generation_prompt=True
        )
        return list(tokenizer(text, add_special_tokens=False)["input_ids"])
    return list(tokenizer(prompt["text"])["input_ids"])


def answer(model: Any, tokens: list[int], max_new_tokens: int) -> dict[str, Any]:
    ids = torch.tensor([tokens])
    mask = torch.ones_like(ids)
    with torch.inference_mode():
        logits = model(input_ids=ids, attention_mask=mask).logits[0, -1].float()
        out = model.generate(
            input_ids=ids, attention_mask=mask, do_sample=False, max_new_tokens=max_new_tokens
        )
    return {"tokens": out[0, len(tokens) :].tolist(), "logits": logits.tolist()}


def main() -> None:
    task = json.load(sys.stdin)
    where = location(task["model"])
    tokenizer = open_tokenizer(where)
    model = transformers.AutoModelForCausalLM.from_pretrained(
        **where, dtype=getattr(torch, task["dtype"])
    )
    rows = []
    for prompt in task["prompts"]:
        row = {"prompt_tokens": encode(tokenizer, prompt, task["use_chat_template"])}
        rows.append(row | answer(model, prompt["tokens"], task["max_new_tokens"]))
    json.dump(
        {
            "transformers": transformers.__version__,
            "torch": torch.__version__,
            "prompts": rows,
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main()
