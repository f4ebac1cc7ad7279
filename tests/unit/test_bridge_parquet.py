"""Parquet and Arrow files that pyarrow and datasets wrote."""

from __future__ import annotations

import json

import pytest
from text_probe import Probe, ProbeError

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

CHAT = [{"role": "user", "content": 'Hi "é"'}, {"role": "assistant", "content": None}]
VALUES = {
    "text": ["a", None, "", "üñí 😀", "line\nbreak"] * 500,
    "number": [1, -2, None, 2**40, 0] * 500,
    "real": [0.5, None, -1e30, 3.0, 2.25] * 500,
    "flag": [True, False, None, True, False] * 500,
    "chat": [CHAT, [], None, CHAT[:1], CHAT] * 500,
}


def table() -> pyarrow.Table:
    types = {
        "text": pyarrow.string(),
        "number": pyarrow.int64(),
        "real": pyarrow.float64(),
        "flag": pyarrow.bool_(),
        "chat": pyarrow.list_(
            pyarrow.struct({"role": pyarrow.string(), "content": pyarrow.string()})
        ),
    }
    return pyarrow.table({name: pyarrow.array(VALUES[name], kind) for name, kind in types.items()})


@pytest.fixture(scope="module")
def probe():
    with Probe() as process:
        yield process


def read(probe: Probe, path, column: str, limit: int = 0):
    return probe("read_column", path=str(path), column=column, limit=limit)


def check_all(probe: Probe, path) -> None:
    assert probe("columns", path=str(path)) == list(VALUES)
    for name, values in VALUES.items():
        found = read(probe, path, name)
        if name != "text":
            found = [None if text is None else json.loads(text) for text in found]
        assert found == values, name


@pytest.mark.parametrize("compression", ["none", "snappy", "gzip", "zstd", "lz4"])
@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_reads_parquet(probe, tmp_path, compression, version):
    path = tmp_path / "data.parquet"
    parquet.write_table(
        table(), path, compression=compression, data_page_version=version, row_group_size=700
    )
    check_all(probe, path)


@pytest.mark.parametrize("kind", ["file", "stream"])
@pytest.mark.parametrize("compression", [None, "lz4", "zstd"])
def test_reads_arrow(probe, tmp_path, kind, compression):
    path = tmp_path / "data.arrow"
    options = pyarrow.ipc.IpcWriteOptions(compression=compression)
    make = pyarrow.ipc.new_file if kind == "file" else pyarrow.ipc.new_stream
    with make(path, table().schema, options=options) as writer:
        writer.write_table(table(), max_chunksize=600)
    check_all(probe, path)


def test_reads_what_save_to_disk_wrote(probe, tmp_path):
    datasets = pytest.importorskip("datasets")
    datasets.Dataset.from_dict({"text": ["a", "b"]}).save_to_disk(tmp_path / "saved")
    [path] = (tmp_path / "saved").glob("*.arrow")
    assert read(probe, path, "text") == ["a", "b"]


TEXT_TYPES = [
    pyarrow.large_string(),
    pyarrow.string_view(),
    pyarrow.dictionary(pyarrow.int32(), pyarrow.string()),
]


@pytest.mark.parametrize("kind", TEXT_TYPES, ids=str)
def test_reads_every_kind_of_text(probe, tmp_path, kind):
    path = tmp_path / "data.parquet"
    column = pyarrow.array(VALUES["text"]).cast(kind)
    parquet.write_table(pyarrow.table({"text": column}), path)
    assert read(probe, path, "text") == VALUES["text"]


def test_stops_at_the_limit(probe, tmp_path):
    path = tmp_path / "data.parquet"
    parquet.write_table(table(), path, row_group_size=3)
    assert read(probe, path, "text", limit=4) == VALUES["text"][:4]
    assert len(read(probe, path, "text", limit=10**6)) == len(VALUES["text"])


def test_names_the_file_and_the_problem(probe, tmp_path):
    path = tmp_path / "data.parquet"
    with pytest.raises(ProbeError, match=r"data\.parquet"):
        probe("columns", path=str(path))
    parquet.write_table(table(), path)
    with pytest.raises(ProbeError, match="no column 'prompt'") as failure:
        read(probe, path, "prompt")
    assert failure.value.exit_code == 4
    whole = path.read_bytes()
    for cut in (0, 3, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:cut])
        with pytest.raises(ProbeError, match=r"data\.parquet"):
            read(probe, path, "text")


def test_refuses_values_that_are_no_text(probe, tmp_path):
    path = tmp_path / "data.parquet"
    parquet.write_table(pyarrow.table({"image": [b"\x89PNG"]}), path)
    with pytest.raises(ProbeError, match="column 'image': values of type Binary"):
        read(probe, path, "image")
