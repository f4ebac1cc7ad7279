"""Our parser of Prometheus' text format beside the one of prometheus_client."""

from __future__ import annotations

import json
import math
import os
import random
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from cli_harness import BINARY

pytest.importorskip("prometheus_client")
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as parse_text

PROBE = BINARY.parent / "exposition_probe"


class Probe:
    def __init__(self) -> None:
        self.process = subprocess.Popen([str(PROBE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def parse(self, page: str, form: str) -> dict[str, Any]:
        assert self.process.stdin is not None and self.process.stdout is not None
        data = page.encode()
        self.process.stdin.write(f"{form} {len(data)}\n".encode() + data)
        self.process.stdin.flush()
        out: dict[str, Any] = json.loads(self.process.stdout.readline())
        return out


@pytest.fixture(scope="module")
def probe() -> Iterator[Probe]:
    if not PROBE.exists():
        pytest.skip(f"{PROBE.name} is not built (cmake --build --preset dev --target {PROBE.name})")
    probe = Probe()
    yield probe
    probe.process.kill()


@pytest.fixture
def rng() -> random.Random:
    seed = int(os.environ.get("AIEB_TEST_SEED", random.randrange(2**32)))
    print(f"AIEB_TEST_SEED={seed}")
    return random.Random(seed)


def samples_of(families: Any, scale: float = 1) -> list[tuple[Any, ...]]:
    """(name, labels, value, time) of every line, as the other parser has them."""
    out = []
    for family in families:
        for s in family.samples:
            time = None if s.timestamp is None else float(s.timestamp) * scale
            out.append((s.name, dict(s.labels), float(s.value), time))
    return out


def same(ours: dict[str, Any], theirs: list[tuple[Any, ...]]) -> None:
    assert "error" not in ours, ours
    assert len(ours["samples"]) == len(theirs)
    key = lambda s: (s[0], sorted(s[1].items()))
    for a, b in zip(sorted(ours["samples"], key=key), sorted(theirs, key=key), strict=True):
        assert a[0] == b[0]
        assert a[1] == b[1]
        value = float(a[2])
        assert value == b[2] or (math.isnan(value) and math.isnan(b[2]))
        assert (a[3] is None) == (b[3] is None)
        assert a[3] is None or math.isclose(a[3], b[3], rel_tol=1e-12)


ALPHABET = ["a", "Z", "0", "_", " ", "\t", "{", "}", ",", "=", '"', "\\", "\n", "#", "é", "→", "~"]


def label_value(rng: random.Random) -> str:
    text = "".join(rng.choice(ALPHABET) for _ in range(rng.randrange(12)))
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def number(rng: random.Random) -> str:
    return rng.choice(
        [
            str(rng.randrange(10**12)),
            repr(rng.uniform(-1e9, 1e9)),
            f"{rng.uniform(-1, 1):.3e}",
            f"{rng.uniform(0, 1e20):+.6E}",
            "NaN",
            "+Inf",
            "-Inf",
            "0",
            ".5",
            "7.",
            "1e-320",
        ]
    )


def labels(rng: random.Random, blank: str) -> str:
    names = rng.sample(["gpu", "UUID", "le2", "host_name", "_x", "device"], rng.randrange(5))
    if not names:
        return rng.choice(["", "{}"])
    pairs = [f'{n}{blank}={blank}"{label_value(rng)}"' for n in names]
    return "{" + f"{blank},{blank}".join(pairs) + rng.choice(["", ","]) + "}"


def text_page(rng: random.Random) -> str:
    lines = []
    for i in range(rng.randrange(1, 8)):
        name = f"{rng.choice(['m', 'vllm:x', '_a'])}{i}"
        if rng.random() < 0.6:
            lines.append(f"# HELP {name} Some \\\\ help with {{braces}} and \\n.")
        kind = rng.choice(["counter", "gauge", "untyped"])
        if kind == "counter":
            name += "_total"  # the other parser adds it where it is missing
        if rng.random() < 0.7:
            lines.append(f"#{rng.choice([' ', '  '])}TYPE {name} {kind}")
        for _ in range(rng.randrange(1, 5)):
            blank = rng.choice(["", " ", "\t"])
            time = f" {rng.randrange(10**13)}" if rng.random() < 0.3 else ""
            gap = rng.choice([" ", "  ", "\t"])
            lines.append(f"{name}{labels(rng, blank)}{gap}{number(rng)}{time}")
        if rng.random() < 0.2:
            lines.append(rng.choice(["", "# a comment", "#"]))
    return "\n".join(lines) + "\n"


def test_random_pages_are_read_as_prometheus_client_reads_them(
    probe: Probe, rng: random.Random
) -> None:
    compared = 0
    for _ in range(400):
        page = text_page(rng)
        ours = probe.parse(page, "text")
        try:
            theirs = samples_of(parse_text(page))
        except ValueError:
            continue  # what it refuses is no measure for what must be read
        same(ours, theirs)
        compared += 1
    assert compared > 300


HISTOGRAM = """# HELP h Something.
# TYPE h histogram
h_bucket{le="0.1"} 1
h_bucket{le="+Inf"} 3
h_sum 0.7
h_count 3
"""


def test_histograms_are_lines_like_any_other(probe: Probe) -> None:
    ours = probe.parse(HISTOGRAM, "text")
    same(ours, samples_of(parse_text(HISTOGRAM)))
    assert ours["types"] == {"h": "histogram"}


OPENMETRICS = """# TYPE energy_joules counter
# UNIT energy_joules joules
# HELP energy_joules What was used.
energy_joules_total{gpu="0"} 17.5 1700000000.25 # {trace_id="a b"} 0.3 1700000000.1
energy_joules_created{gpu="0"} 1600000000.5 1700000000.25
# TYPE watts gauge
watts{gpu="0"} 1e2 1700000000.5
# TYPE h histogram
h_bucket{le="1.0"} 2 # {} 0.5
h_bucket{le="+Inf"} 3
h_count 3
h_sum 5.0
# EOF
"""


def test_openmetrics_has_exemplars_seconds_and_an_end(probe: Probe) -> None:
    same(probe.parse(OPENMETRICS, "openmetrics"), samples_of(parse_openmetrics(OPENMETRICS)))
    cut = OPENMETRICS[: OPENMETRICS.rindex("# EOF")]
    assert "cut off" in probe.parse(cut, "openmetrics")["error"]
    assert "after # EOF" in probe.parse(OPENMETRICS + "x 1\n", "openmetrics")["error"]


@pytest.mark.parametrize(
    "line",
    [
        "m",
        "m ",
        "m one",
        "m 1 two",
        "m 1 2 3",
        "m 1 1.5",
        "1m 2",
        'm{a="b} 1',
        "m{a=b} 1",
        'm{a="b" c="d"} 1',
        'm{a="b"',
        'm{a="\\x"} 1',
        'm{a="1",a="2"} 1',
        'm{a:b="1"} 1',
        '{a="b"} 1',
        "m 0x1F",
        "m 1_000",
        "<html>",
        "m1",
    ],
)
def test_wrong_lines_are_refused_with_their_number(probe: Probe, line: str) -> None:
    assert probe.parse(f"ok 1\n{line}\n", "text").get("error", "").startswith("line 2: "), line


def test_a_page_that_is_cut_off_is_refused(probe: Probe) -> None:
    assert "ends in the middle" in probe.parse("a 1\nb 123", "text")["error"]


def test_names_may_stand_in_quotes(probe: Probe) -> None:
    page = '{"name with.dots",gpu="0"} 3\nplain{"label.x"="y"} 4\n'
    same(probe.parse(page, "text"), samples_of(parse_text(page)))
