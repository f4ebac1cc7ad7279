"""`aieb carbon`: the tables with their sources."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pandas as pd
from cli_harness import ROOT, aieb, assert_fails


def listed(folder: Path, *words: str) -> pd.DataFrame:
    done = aieb(folder, "carbon", "list", *words, "--format", "csv")
    assert done.returncode == 0, done.stderr
    return pd.read_csv(io.StringIO(done.stdout), keep_default_na=False)


def test_every_row_of_the_data_files_is_listed_with_its_source(tmp_path: Path) -> None:
    rows = listed(tmp_path)
    tables = {
        kind: pd.read_csv(ROOT / "data" / "carbon" / f"{name}.csv", keep_default_na=False)
        for kind, name in (
            ("country", "countries"), ("region", "regions"), ("cloud region", "cloud_regions"),
        )
    }  # fmt: skip
    for kind, table in tables.items():
        ours = rows[rows["kind"] == kind]
        assert len(ours) == len(table)
        assert sorted(ours["g_per_kwh"]) == sorted(table["g_per_kwh"])
        for column in ("source", "licence"):
            assert sorted(ours[column]) == sorted(table[column])
    assert (rows["year"] > 2000).all() and (rows["basis"] != "").all()
    assert (rows["uncertainty_g_per_kwh"] > 0).all()


def test_countries_choose_their_rows_by_code_or_name(tmp_path: Path) -> None:
    for words in (("CAN", "FRA"), ("ca", "france")):
        rows = listed(tmp_path, *words)
        assert set(rows["country"]) == {"CAN", "FRA"}
        assert "alberta" in set(rows["place"])
    table = aieb(tmp_path, "carbon", "list", "NOR").stdout
    assert "Norway" in table and "licence" in table
    assert json.loads(aieb(tmp_path, "carbon", "list", "NOR", "--format", "json").stdout)


def test_show_says_what_a_run_there_is_computed_with(tmp_path: Path) -> None:
    shown = aieb(tmp_path, "carbon", "show", "USA", "California").stdout
    assert "california" in shown and "±" in shown and "source" in shown and "licence" in shown
    factor = json.loads(aieb(tmp_path, "carbon", "show", "FRA", "--format", "json").stdout)
    row = listed(tmp_path, "FRA").query("kind == 'country'").iloc[0]
    assert factor["g_per_kwh"] == row["g_per_kwh"] and not factor["assumed"]
    cloud = json.loads(aieb(tmp_path, "carbon", "show", "europe-west4", "--format", "json").stdout)
    assert cloud["country_iso_code"] == "NLD"


def test_an_unknown_place_is_an_error_that_names_the_nearest(tmp_path: Path) -> None:
    assert_fails(aieb(tmp_path, "carbon", "list", "FRX"), 2, "FRX", "FRA")
    assert_fails(aieb(tmp_path, "carbon", "show", "USA", "califronia"), 2, "california")
    assert_fails(aieb(tmp_path, "carbon", "show"), 2)
    assert_fails(aieb(tmp_path, "carbon"), 2)
