"""One CSV row per run, appended."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from ai_energy_benchmarks import _core
from ai_energy_benchmarks._log import core_logging
from ai_energy_benchmarks.reporters.base import Reporter

__all__ = ["CSVReporter"]


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested dictionaries as one row: {'a': {'b': 1}} gives a_b."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}_")
        else:
            yield f"{prefix}{name}", value


class CSVReporter(Reporter):
    """Appends rows to a file. One that has other columns is kept as `<file>.bak-<time>`.

    The results of a benchmark become the reference's columns and ours (docs/results.md). Any other
    dictionary is flattened: nested keys are joined with `_`, lists are left out, None is an empty
    cell.
    """

    def report(self, results: dict[str, Any]) -> None:
        """Appends one row; writers in several processes take turns."""
        with core_logging():
            _core.append_csv(str(self.output_file), self._table(results))

    def _table(self, results: dict[str, Any]) -> str:
        if "schema_version" in results:
            return _core.serialize(dict(results), "csv").decode()
        cells = {k: v for k, v in _flat(results) if not isinstance(v, (list, tuple))}
        cells = {"timestamp": datetime.now().isoformat(timespec="seconds")} | cells
        out = io.StringIO()
        writer = csv.DictWriter(out, cells, lineterminator="\n")
        writer.writeheader()
        writer.writerow(cells)
        return out.getvalue()
