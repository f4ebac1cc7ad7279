"""emissions.csv against CodeCarbon itself: its columns, its types, its reader and its writer."""

from __future__ import annotations

import csv
import dataclasses
import shutil
from pathlib import Path

import pytest

pytest.importorskip("codecarbon")
import pandas as pd
from codecarbon.output_methods.emissions_data import EmissionsData
from codecarbon.output_methods.file import FileOutput

APPROVED = Path(__file__).resolve().parent.parent / "approved" / "emissions.csv"

# Columns that a run knows nothing of; CodeCarbon itself leaves the cloud's empty off the cloud.
EMPTY = {
    "region",
    "cloud_provider",
    "cloud_region",
    "python_version",
    "longitude",
    "latitude",
    "cpu_utilization_percent",
    "ram_utilization_percent",
    "ram_used_gb",
}


def codecarbon_record(**changes: object) -> EmissionsData:
    values: dict[str, object] = {}
    for field in dataclasses.fields(EmissionsData):
        values[field.name] = 1.5 if field.type is float else "text"
    return EmissionsData(**(values | changes))  # type: ignore[arg-type]


def written_by_codecarbon(folder: Path) -> Path:
    FileOutput("emissions.csv", str(folder)).out(codecarbon_record(), None)
    return folder / "emissions.csv"


def test_columns_are_those_of_codecarbon_in_its_order(tmp_path: Path) -> None:
    ours = APPROVED.read_text().splitlines()[0]
    theirs = written_by_codecarbon(tmp_path).read_text().splitlines()[0]
    assert ours == theirs
    assert len(ours.split(",")) == 38


def test_pandas_reads_the_types_that_codecarbon_writes(tmp_path: Path) -> None:
    ours = pd.read_csv(APPROVED)
    theirs = pd.read_csv(written_by_codecarbon(tmp_path))
    for column in theirs.columns:
        if column in EMPTY:
            assert ours[column].isna().all(), column
            continue
        numeric = pd.api.types.is_numeric_dtype(theirs[column])
        assert pd.api.types.is_numeric_dtype(ours[column]) == numeric, column


def test_codecarbon_appends_to_a_file_of_ours(tmp_path: Path) -> None:
    shutil.copy(APPROVED, tmp_path / "emissions.csv")
    FileOutput("emissions.csv", str(tmp_path)).out(codecarbon_record(emissions=7.0), None)
    assert [path.name for path in tmp_path.iterdir()] == ["emissions.csv"], "no backup was made"
    rows = pd.read_csv(tmp_path / "emissions.csv")
    assert len(rows) == 2
    assert rows["emissions"].tolist() == [pytest.approx(8.232e-05), 7.0]


def test_numbers_follow_codecarbons_formulas() -> None:
    """Of the sample: 4410 J in 10 s at PUE 1.2, WUE 1.8 L/kWh and 56 g/kWh."""
    row = pd.read_csv(APPROVED).iloc[0]
    kwh = 4410 / 3.6e6 * 1.2
    assert row["energy_consumed"] == pytest.approx(kwh)
    parts = row["cpu_energy"] + row["gpu_energy"] + row["ram_energy"]
    assert parts == pytest.approx(row["energy_consumed"])
    assert row["emissions"] == pytest.approx(kwh * 0.056)
    assert row["emissions_rate"] == pytest.approx(row["emissions"] / row["duration"])
    assert row["water_consumed"] == pytest.approx(1.8 * kwh)
    power = row["cpu_power"] + row["gpu_power"] + row["ram_power"]
    assert power * row["duration"] / 3.6e6 == pytest.approx(row["energy_consumed"])
    assert row["ram_total_size"] == 128.0


def test_timestamp_has_codecarbons_format() -> None:
    stamp = pd.read_csv(APPROVED).iloc[0]["timestamp"]
    assert pd.to_datetime(stamp, format="%Y-%m-%dT%H:%M:%S")


@pytest.mark.parametrize("name", ["report.csv", "report_bare.csv"])
def test_results_csv_opens_with_pandas_and_the_csv_module(name: str) -> None:
    path = APPROVED.parent / name
    frame = pd.read_csv(path)
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(frame) == len(rows) == 1
    assert list(frame.columns) == list(rows[0])
    assert frame["total_prompts"].iloc[0] == 3
    known = name == "report.csv"
    assert frame["energy_wh"].notna().iloc[0] == known
    assert (rows[0]["energy_wh"] != "") == known
