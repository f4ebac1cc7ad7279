"""Prompts from files, folders and Hugging Face datasets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ai_energy_benchmarks import _core
from ai_energy_benchmarks._log import core_logging
from ai_energy_benchmarks.config.parser import BenchmarkConfig
from ai_energy_benchmarks.errors import BenchmarkError

__all__ = ["DatasetLoader", "HuggingFaceDataset", "load_prompts"]


def load_prompts(
    dataset_name: str,
    text_column_name: str = "text",
    num_samples: int = 10,
    *,
    split: str = "train",
    seed: int = 0,
) -> list[str]:
    """The prompts that a benchmark with these settings would ask.

    Args:
        dataset_name: `quickstart`, a local file or folder, or a Hugging Face id.
        text_column_name: Column with the prompts.
        num_samples: How many; fewer if the dataset has fewer.
        split: Of a hub dataset.
        seed: 0 takes the first ones; any other value draws them at random.

    Raises:
        DataError: It cannot be found or read, or has no such column.
    """
    config = BenchmarkConfig()
    config.scenario.dataset_name = dataset_name
    config.scenario.text_column_name = text_column_name
    config.scenario.num_samples = num_samples
    config.scenario.dataset_split = split
    config.scenario.seed = seed
    with core_logging():
        prompts: list[str] = _core.read_dataset(config.to_dict())["prompts"]
    return prompts


class DatasetLoader:
    """Loads the prompts that a section `scenario` names."""

    def load(self, config: Mapping[str, Any]) -> list[str]:
        """
        Args:
            config: Keys of the section `scenario`; `name` and `text_column` are understood too.
        """
        return load_prompts(
            config.get("dataset_name") or config["name"],
            config.get("text_column_name") or config.get("text_column") or "text",
            config.get("num_samples", 10),
            split=config.get("dataset_split") or config.get("split") or "train",
            seed=config.get("seed", 0),
        )

    def validate(self, config: Mapping[str, Any]) -> bool:
        """Whether the dataset can be read and has prompts."""
        try:
            return bool(self.load(config))
        except BenchmarkError:
            return False


class HuggingFaceDataset(DatasetLoader):
    """The reference's name of the loader."""
