"""Prompts to measure with."""

from ai_energy_benchmarks.datasets.loader import DatasetLoader, HuggingFaceDataset, load_prompts

__all__ = ["DatasetLoader", "HuggingFaceDataset", "load_prompts"]
