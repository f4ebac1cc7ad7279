"""CSVReporter."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Any

import pytest

from ai_energy_benchmarks.reporters.csv_reporter import CSVReporter


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_nested_dictionaries_are_flattened_with_an_underscore(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "r.csv"
    results: dict[str, Any] = {
        "summary": {"name": 'a "b", c', "energy_wh": 0.5, "missing": None},
        "gpu_stats": {"gpu_0": {"power_w": 300.0}},
        "per_prompt_results": [1, 2],
    }
    CSVReporter(str(path)).report(results)
    (row,) = rows(path)
    assert row["summary_name"] == 'a "b", c'
    assert row["summary_energy_wh"] == "0.5"
    assert row["summary_missing"] == ""
    assert row["gpu_stats_gpu_0_power_w"] == "300.0"
    assert "per_prompt_results" not in row
    assert row["timestamp"].startswith("20")


def test_rows_are_appended_and_another_header_begins_a_new_file(tmp_path: Path) -> None:
    reporter = CSVReporter(tmp_path / "r.csv")
    reporter.report({"a": 1})
    reporter.report({"a": 2})
    assert [row["a"] for row in rows(tmp_path / "r.csv")] == ["1", "2"]
    reporter.report({"b": 3})
    assert [row["b"] for row in rows(tmp_path / "r.csv")] == ["3"]
    assert len(list(tmp_path.glob("r.csv.bak-*"))) == 1


def test_validate_says_whether_the_file_can_be_written(tmp_path: Path) -> None:
    assert CSVReporter(tmp_path / "r.csv").validate() is True
    (tmp_path / "folder.csv").mkdir()
    assert CSVReporter(tmp_path / "folder.csv").validate() is False


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_validate_sees_missing_permission(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert CSVReporter(tmp_path / "r.csv").validate() is False
