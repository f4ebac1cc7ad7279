"""Tiny random checkpoints of every supported family, made by transformers.

Every dimension is drawn from the test's seed; windows and rotary limits are small enough that the
prompts of the tests cross them.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import transformers

VOCABULARY = 97
LONGEST_PROMPT = 40
NEW_TOKENS = 24


@dataclass
class Case:
    """One family variant: the configuration class and what its configuration must contain."""

    name: str
    config_class: str
    make: Callable[[random.Random], dict[str, Any]]
    # keys removed from the saved config.json, to test the defaults of real hub files
    omit: list[str] = field(default_factory=list)


def heads(rng: random.Random) -> dict[str, int]:
    kv_heads = rng.choice([1, 2, 3])
    count = kv_heads * rng.choice([1, 2, 3])
    head_dim = rng.choice([8, 12, 16])
    return {
        "num_attention_heads": count,
        "num_key_value_heads": kv_heads,
        "hidden_size": count * head_dim,
        "intermediate_size": rng.choice([24, 40, 56]),
        "num_hidden_layers": rng.choice([2, 3]),
        "max_position_embeddings": 128,
    }


def with_head_dim(rng: random.Random) -> dict[str, int]:
    """A head size that is not hidden / heads."""
    sizes = heads(rng)
    return {**sizes, "head_dim": sizes["hidden_size"] // sizes["num_attention_heads"] + 4}


def full_heads(rng: random.Random, names: tuple[str, str, str, str]) -> dict[str, int]:
    """As many key/value heads as heads, under a family's own key names."""
    count = rng.choice([2, 3, 4])
    layers, hidden, head_count, positions = names
    return {
        layers: rng.choice([2, 4]),
        hidden: count * rng.choice([8, 12]),
        head_count: count,
        positions: 128,
    }


def rope(kind: str, **keys) -> Callable[[random.Random], dict[str, Any]]:
    def make(rng: random.Random) -> dict[str, Any]:
        sizes = heads(rng)
        return {**sizes, "rope_parameters": {"rope_type": kind, "rope_theta": 10000.0, **keys}}

    return make


def dynamic_rope(rng: random.Random) -> dict[str, Any]:
    return {**rope("dynamic", factor=2.5)(rng), "max_position_embeddings": 20}


def longrope(rng: random.Random) -> dict[str, Any]:
    sizes = heads(rng)
    rotated = sizes["hidden_size"] // sizes["num_attention_heads"]
    factors = lambda low: [low + rng.random() for _ in range(rotated // 2)]
    return {
        **sizes,
        "original_max_position_embeddings": 32,
        "rope_parameters": {
            "rope_type": "longrope",
            "rope_theta": 10000.0,
            "short_factor": factors(1.0),
            "long_factor": factors(3.0),
        },
        "pad_token_id": 0,
    }


def opt_sizes(rng: random.Random) -> dict[str, Any]:
    sizes = full_heads(
        rng, ("num_hidden_layers", "hidden_size", "num_attention_heads", "max_position_embeddings")
    )
    return {**sizes, "ffn_dim": 48, "word_embed_proj_dim": sizes["hidden_size"]}


def neox_sizes(rng: random.Random) -> dict[str, Any]:
    sizes = full_heads(
        rng, ("num_hidden_layers", "hidden_size", "num_attention_heads", "max_position_embeddings")
    )
    return {**sizes, "intermediate_size": 48}


def falcon_sizes(rng: random.Random) -> dict[str, Any]:
    sizes = neox_sizes(rng)
    sizes.pop("intermediate_size")
    return sizes


def moe(rng: random.Random, experts_key: str) -> dict[str, Any]:
    return {**heads(rng), experts_key: rng.choice([4, 6]), "num_experts_per_tok": 2}


def partial(rng: random.Random, share: float = 0.5, **keys) -> dict[str, Any]:
    """Only a share of every head is rotated; the share of any head size here is even."""
    parameters = {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": share}
    return {**heads(rng), "rope_parameters": parameters, **keys}


def windowed(rng: random.Random, layers: int = 4, **keys) -> dict[str, Any]:
    return {**heads(rng), "num_hidden_layers": layers, "sliding_window": 6, **keys}


def grouped_moe(rng: random.Random, **keys) -> dict[str, Any]:
    """The routing of DeepSeek-V3: groups of experts, one dense layer, a shared expert."""
    return {
        **heads(rng),
        "n_routed_experts": 8,
        "num_experts_per_tok": 3,
        "n_group": 4,
        "topk_group": 2,
        "moe_intermediate_size": 24,
        "n_shared_experts": rng.choice([1, 2]),
        "first_k_dense_replace": 1,
        "routed_scaling_factor": 1.7,
        **keys,
    }


def latent(rng: random.Random, **keys) -> dict[str, Any]:
    sizes = grouped_moe(rng)
    return {
        **sizes,
        "num_key_value_heads": sizes["num_attention_heads"],
        "q_lora_rank": 20,
        "kv_lora_rank": 24,
        "qk_rope_head_dim": 8,
        "qk_nope_head_dim": rng.choice([8, 12]),
        "v_head_dim": rng.choice([8, 12, 16]),
        **keys,
    }


def llama4_sizes(rng: random.Random, **keys) -> dict[str, Any]:
    return {
        **with_head_dim(rng),
        "intermediate_size_mlp": 40,
        "num_hidden_layers": 4,
        "num_local_experts": 4,
        "num_experts_per_tok": 1,
        "attention_chunk_size": 8,
        "floor_scale": 4,
        "interleave_moe_layer_step": 2,
        "pad_token_id": 0,
        **keys,
    }


NEO_NAMES = ("num_layers", "hidden_size", "num_heads", "max_position_embeddings")
GPT2_NAMES = ("n_layer", "n_embd", "n_head", "n_positions")

CASES = [
    Case("llama", "LlamaConfig", heads),
    Case(
        "llama_bias",
        "LlamaConfig",
        lambda r: {**heads(r), "attention_bias": True, "mlp_bias": True},
    ),
    Case("llama_head_dim", "LlamaConfig", with_head_dim),
    Case("llama_tied", "LlamaConfig", lambda r: {**heads(r), "tie_word_embeddings": True}),
    Case("llama_linear", "LlamaConfig", rope("linear", factor=3.0)),
    Case("llama_dynamic", "LlamaConfig", dynamic_rope),
    Case(
        "llama_yarn", "LlamaConfig", rope("yarn", factor=4.0, original_max_position_embeddings=32)
    ),
    Case(
        "llama_llama3",
        "LlamaConfig",
        rope(
            "llama3",
            factor=8.0,
            low_freq_factor=1.0,
            high_freq_factor=4.0,
            original_max_position_embeddings=32,
        ),
    ),
    Case("mistral", "MistralConfig", lambda r: {**heads(r), "sliding_window": r.choice([5, 9])}),
    Case("mistral_full", "MistralConfig", lambda r: {**heads(r), "sliding_window": None}),
    Case("qwen2", "Qwen2Config", heads),
    Case(
        "qwen2_window",
        "Qwen2Config",
        lambda r: {
            **heads(r),
            "use_sliding_window": True,
            "sliding_window": 7,
            "max_window_layers": 1,
        },
    ),
    Case("qwen3", "Qwen3Config", with_head_dim),
    Case("gpt2", "GPT2Config", lambda r: full_heads(r, GPT2_NAMES)),
    Case(
        "gpt2_inverse",
        "GPT2Config",
        lambda r: {**full_heads(r, GPT2_NAMES), "scale_attn_by_inverse_layer_idx": True},
    ),
    Case("opt", "OPTConfig", opt_sizes),
    Case(
        "opt_350m",
        "OPTConfig",
        lambda r: {**opt_sizes(r), "do_layer_norm_before": False, "word_embed_proj_dim": 20},
    ),
    Case(
        "gpt_neo",
        "GPTNeoConfig",
        lambda r: {
            **full_heads(r, NEO_NAMES),
            "num_layers": 4,
            "window_size": 6,
            "attention_types": [[["global", "local"], 2]],
        },
    ),
    Case("gpt_neox", "GPTNeoXConfig", lambda r: {**neox_sizes(r), "rotary_pct": 0.5}),
    Case(
        "gpt_neox_sequential",
        "GPTNeoXConfig",
        lambda r: {**neox_sizes(r), "use_parallel_residual": False},
    ),
    Case("phi", "PhiConfig", heads),
    Case("phi_qk_norm", "PhiConfig", lambda r: {**heads(r), "qk_layernorm": True}),
    Case("phi3", "Phi3Config", lambda r: {**heads(r), "pad_token_id": 0, "sliding_window": 8}),
    Case("phi3_longrope", "Phi3Config", longrope),
    Case("gemma", "GemmaConfig", with_head_dim),
    Case(
        "gemma2",
        "Gemma2Config",
        lambda r: {**with_head_dim(r), "sliding_window": 6, "query_pre_attn_scalar": 20},
    ),
    Case(
        "gemma3",
        "Gemma3TextConfig",
        lambda r: {
            **with_head_dim(r),
            "num_hidden_layers": 6,
            "sliding_window": 6,
            "query_pre_attn_scalar": 20,
        },
    ),
    Case(
        "smollm3",
        "SmolLM3Config",
        lambda r: {
            **heads(r),
            "num_hidden_layers": 5,
            "use_sliding_window": True,
            "sliding_window": 6,
            "pad_token_id": 0,
        },
    ),
    Case("falcon_7b", "FalconConfig", falcon_sizes),
    Case(
        "falcon_40b",
        "FalconConfig",
        lambda r: {
            **falcon_sizes(r),
            "num_attention_heads": 4,
            "hidden_size": 48,
            "new_decoder_architecture": True,
            "num_kv_heads": 2,
        },
    ),
    Case(
        "falcon_rw",
        "FalconConfig",
        lambda r: {
            **falcon_sizes(r),
            "alibi": True,
            "multi_query": False,
            "bias": True,
            "parallel_attn": False,
        },
    ),
    Case("mixtral", "MixtralConfig", lambda r: moe(r, "num_local_experts")),
    Case(
        "qwen3_moe",
        "Qwen3MoeConfig",
        lambda r: {
            **moe(r, "num_experts"),
            "moe_intermediate_size": 24,
            "norm_topk_prob": True,
            "mlp_only_layers": [1],
        },
    ),
    Case(
        "gpt_oss",
        "GptOssConfig",
        lambda r: {
            **moe(r, "num_local_experts"),
            "head_dim": 16,
            "sliding_window": 6,
            "layer_types": None,
        },
    ),
    Case("olmo2", "Olmo2Config", heads),
    Case(
        "granite",
        "GraniteConfig",
        lambda r: {
            **heads(r),
            "embedding_multiplier": 3.0,
            "residual_multiplier": 0.4,
            "attention_multiplier": 0.2,
            "logits_scaling": 5.0,
        },
    ),
    Case("cohere", "CohereConfig", lambda r: {**heads(r), "logit_scale": 0.3}),
    Case("cohere_qk_norm", "CohereConfig", lambda r: {**heads(r), "use_qk_norm": True}),
    Case("cohere2", "Cohere2Config", windowed),
    Case("starcoder2", "Starcoder2Config", windowed),
    Case("stablelm", "StableLmConfig", partial),
    Case(
        "stablelm_parallel",
        "StableLmConfig",
        lambda r: partial(r, use_parallel_residual=True, qk_layernorm=True, use_qkv_bias=True),
    ),
    Case("glm", "GlmConfig", lambda r: {**partial(r), "head_dim": 12, "pad_token_id": 0}),
    Case("glm4", "Glm4Config", lambda r: {**partial(r), "head_dim": 16, "pad_token_id": 0}),
    Case("nemotron", "NemotronConfig", partial),
    Case(
        "gptj",
        "GPTJConfig",
        lambda r: {**full_heads(r, GPT2_NAMES), "rotary_dim": r.choice([4, 6, 8])},
    ),
    Case(
        "bloom",
        "BloomConfig",
        lambda r: full_heads(r, ("n_layer", "hidden_size", "n_head", "seq_length")),
    ),
    Case(
        "qwen2_moe",
        "Qwen2MoeConfig",
        lambda r: {
            **moe(r, "num_experts"),
            "num_hidden_layers": 4,
            "moe_intermediate_size": 24,
            "shared_expert_intermediate_size": 32,
            "mlp_only_layers": [1],
            "use_sliding_window": True,
            "sliding_window": 6,
            "max_window_layers": 3,
        },
    ),
    Case("glm4_moe", "Glm4MoeConfig", lambda r: grouped_moe(r, pad_token_id=0)),
    Case(
        "glm4_moe_qk_norm",
        "Glm4MoeConfig",
        lambda r: grouped_moe(
            r, pad_token_id=0, use_qk_norm=True, attention_bias=True, norm_topk_prob=False
        ),
    ),
    Case("exaone4", "Exaone4Config", windowed),
    Case(
        "exaone4_full",
        "Exaone4Config",
        lambda r: {
            **heads(r),
            "num_hidden_layers": 2,
            "sliding_window": None,
            "layer_types": ["full_attention"] * 2,
        },
    ),
    Case("ernie4_5", "Ernie4_5Config", lambda r: {**with_head_dim(r), "use_bias": True}),
    Case(
        "hunyuan",
        "HunYuanDenseV1Config",
        lambda r: {
            **with_head_dim(r),
            "rope_parameters": {
                "rope_type": "dynamic",
                "rope_theta": 10000.0,
                "alpha": 50.0,
                "factor": 1.0,
            },
        },
    ),
    Case("apertus", "ApertusConfig", heads),
    Case(
        "ministral3",
        "Ministral3Config",
        lambda r: {
            **with_head_dim(r),
            "rope_parameters": {
                "rope_type": "yarn",
                "rope_theta": 10000.0,
                "factor": 4.0,
                "original_max_position_embeddings": 8,
                "llama_4_scaling_beta": 0.3,
            },
        },
    ),
    Case("llama4", "Llama4TextConfig", llama4_sizes),
    Case(
        "llama4_two_experts",
        "Llama4TextConfig",
        lambda r: llama4_sizes(r, num_experts_per_tok=2, use_qk_norm=False, floor_scale=8192),
    ),
    Case("deepseek_v3", "DeepseekV3Config", latent),
    Case(
        "deepseek_v3_yarn",
        "DeepseekV3Config",
        lambda r: latent(
            r,
            q_lora_rank=None,
            rope_parameters={
                "rope_type": "yarn",
                "rope_theta": 10000.0,
                "factor": 4.0,
                "original_max_position_embeddings": 16,
                "mscale": 1.0,
                "mscale_all_dim": 0.8,
            },
        ),
    ),
]


def randomise(model: torch.nn.Module, generator: torch.Generator) -> None:
    """Weights large enough that every part matters; norms around one, biases not zero."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if "norm" in name or ".ln_" in name:
                parameter.add_(0.2 * noise)
            else:
                scale = 0.5 if parameter.dim() < 2 else 1.6 / parameter.shape[-1] ** 0.5
                parameter.copy_(scale * noise)
        for name, buffer in model.named_buffers():
            if name.endswith("e_score_correction_bias"):
                buffer.copy_(0.3 * torch.randn(buffer.shape, generator=generator))


def make_model(case: Case, seed: int, folder: Path) -> transformers.PreTrainedModel:
    """Saves a random checkpoint of the case into `folder` and returns the transformers model."""
    rng = random.Random(f"{seed}/{case.name}")
    keys = {"vocab_size": VOCABULARY, "eos_token_id": 2, "bos_token_id": 1, **case.make(rng)}
    config = getattr(transformers, case.config_class)(**keys)
    generator = torch.Generator().manual_seed(rng.getrandbits(32))
    model = transformers.AutoModelForCausalLM.from_config(config).to(torch.float32).eval()
    randomise(model, generator)
    model.tie_weights()
    model.generation_config.eos_token_id = 2
    model.generation_config.pad_token_id = 0
    model.save_pretrained(folder)
    # What the files give, not what is in memory, is the reference.
    return transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def prompts(case: Case, seed: int, count: int) -> list[list[int]]:
    """Random prompts of different lengths; the first is the longest."""
    rng = random.Random(f"{seed}/{case.name}/prompts")
    lengths = [LONGEST_PROMPT - 12] + [
        rng.randrange(2, LONGEST_PROMPT - 13) for _ in range(count - 1)
    ]
    return [[rng.randrange(3, VOCABULARY) for _ in range(length)] for length in lengths]
