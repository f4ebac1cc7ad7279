"""Carbon intensities by time: from a file, live from (a stand-in of) Electricity Maps; and the
emissions of making the hardware. CodeCarbon's own code is the judge where it does the same."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cli_harness import aieb, assert_fails, fake_server

pytest.importorskip("codecarbon")
from codecarbon.core import electricitymaps_api
from codecarbon.core.units import EmissionsPerKWh, Energy
from codecarbon.external.geography import GeoMetadata

TOKEN = "em-5ecret-t0ken"


def iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def write_series(path: Path, begin_s: float, step_s: float, values: list[float]) -> None:
    rows = [f"{iso(begin_s + i * step_s)},{value}" for i, value in enumerate(values)]
    path.write_text("timestamp,g_per_kwh\n" + "\n".join(rows) + "\n")


def write_config(folder: Path, endpoint: str, prompts: int = 6, **metrics: Any) -> None:
    (folder / "prompts.jsonl").write_text(
        "".join(json.dumps({"text": f"Question {i}?"}) + "\n" for i in range(prompts))
    )
    config = {
        "name": "carbon",
        "backend": {"type": "vllm", "endpoint": endpoint, "model": "fake-model"},
        "scenario": {
            "dataset_name": "prompts.jsonl",
            "num_samples": prompts,
            "generate_kwargs": {"max_new_tokens": 8},
        },
        "metrics": {"idle_s": 0, "warmup_prompts": 0, "scope": "local"} | metrics,
    }
    (folder / "config.json").write_text(json.dumps(config))


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with fake_server("--ttft-ms", "20", "--itl-ms", "10") as url:
        yield url


def run(folder: Path, *words: str, **variables: str) -> dict[str, Any]:
    done = aieb(
        folder, "run", "config.json", "--json", "-", "--quiet", "--trace", "run.db", *words,
        **variables,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    out: dict[str, Any] = json.loads(done.stdout)
    return out


# From a file


def test_a_run_within_an_hour_uses_that_hour_as_codecarbon_multiplies(
    tmp_path: Path, endpoint: str
) -> None:
    write_series(tmp_path / "grid.csv", time.time() - 7200, 3600, [10, 20, 123.4, 40])
    write_config(tmp_path, endpoint, carbon_intensity_series="grid.csv", pue=1.3)
    results = run(tmp_path)
    carbon = results["carbon"]
    wanted = {20, 123.4}  # whichever side of a boundary the two seconds of this test are on
    assert {row["g_per_kwh"] for row in carbon["series"]["intervals"]} <= wanted
    assert carbon["series"]["file"] == "grid.csv" and carbon["series"]["rows"] == 4
    assert "grid.csv" in carbon["source"] and not carbon["assumed"]
    kwh = results["energy"]["total"]["value"] / 3.6e6 * 1.3
    theirs = EmissionsPerKWh.from_g_per_kWh(carbon["g_per_kwh"]).kgs_per_kWh * Energy(kwh).kWh
    emissions = results["derived"]["emissions"]
    assert emissions["value"] == pytest.approx(1000 * theirs)
    assert emissions["uncertainty"] >= emissions["value"] * 25 / 123.4
    assert results["summary"]["carbon_intensity_uncertainty_g_per_kwh"] > 0


def test_a_run_over_many_steps_is_the_sum_of_them(tmp_path: Path, endpoint: str) -> None:
    write_series(tmp_path / "grid.csv", int(time.time()) - 5, 1, [0, 1000] * 60)
    write_config(tmp_path, endpoint, prompts=12, carbon_intensity_series="grid.csv")
    results = run(tmp_path, "scenario.generate_kwargs.max_new_tokens=60")
    assert len(results["carbon"]["series"]["intervals"]) >= 3
    assert 200 < results["carbon"]["g_per_kwh"] < 800
    table = aieb(tmp_path, "report", "run.db").stdout
    assert "values by time of grid.csv" in table


def test_a_run_outside_of_the_file_is_an_error_before_it_that_names_both(
    tmp_path: Path, endpoint: str
) -> None:
    write_series(tmp_path / "grid.csv", 1_700_000_000, 3600, [50] * 24)
    write_config(tmp_path, endpoint, carbon_intensity_series="grid.csv")
    parts = ("grid.csv holds 2023-11-14T22:13:20Z to 2023-11-15T22:13:20Z", iso(time.time())[:10])
    for words in (
        ("run", "config.json"),
        ("run", "config.json", "--dry-run"),
        ("validate", "config.json"),
    ):
        assert_fails(aieb(tmp_path, *words), 2, *parts, "aieb report RUN --carbon-series FILE")
    assert not list((tmp_path / "benchmark_output").glob("runs/*.db"))
    assert aieb(tmp_path, "validate", "config.json", "metrics.enabled=false").returncode == 0


def test_a_load_that_outlasts_the_file_is_found_before_it(tmp_path: Path, endpoint: str) -> None:
    write_series(tmp_path / "grid.csv", time.time() - 60, 3600, [50])
    write_config(tmp_path, endpoint, carbon_intensity_series="grid.csv")
    load = ("scenario.load.mode=constant", "scenario.load.request_rate=1")
    short = aieb(tmp_path, "run", "config.json", "--dry-run", *load, "scenario.load.duration_s=9")
    assert short.returncode == 0, short.stderr
    long = ("scenario.load.duration_s=9999",)
    assert_fails(aieb(tmp_path, "run", "config.json", "--dry-run", *load, *long), 2, "grid.csv")


def test_a_recorded_run_takes_the_intensities_that_are_published_later(
    tmp_path: Path, endpoint: str
) -> None:
    write_config(tmp_path, endpoint, country_iso_code="FRA")
    before = run(tmp_path)
    now = time.time()
    zones = "".join(f"{iso(now - 1800)},{zone},{g}\n" for zone, g in (("FR", 11), ("DE", 333)))
    (tmp_path / "later.csv").write_text("datetime,zone,carbon_intensity\n" + zones)
    words = ("report", "run.db", "--carbon-series", "later.csv", "--format", "json")
    assert_fails(aieb(tmp_path, *words), 2, "DE, FR", "zone")
    done = aieb(tmp_path, *words, "--carbon-zone", "DE")
    assert done.returncode == 0, done.stderr
    after = json.loads(done.stdout)
    assert after["carbon"]["g_per_kwh"] == 333
    assert after["energy"]["total"] == before["energy"]["total"]
    assert after["derived"]["emissions"]["value"] == pytest.approx(
        after["energy"]["total"]["value"] / 3600 * 0.333
    )
    write_series(tmp_path / "old.csv", 1_700_000_000, 3600, [50])
    assert_fails(aieb(tmp_path, "report", "run.db", "--carbon-series", "old.csv"), 2, "old.csv")


# Live


class Service:
    """What Electricity Maps' API answers, and what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, list[str]], str | None]] = []
        self.answers: list[tuple[int, dict[str, Any]]] = []
        self.url = ""

    def latest(self, g_per_kwh: float, from_s: float, **more: Any) -> None:
        answer = {
            "zone": "FR", "carbonIntensity": g_per_kwh, "datetime": iso(from_s),
            "updatedAt": iso(from_s), "emissionFactorType": "lifecycle", "isEstimated": False,
            "estimationMethod": None,
        }  # fmt: skip
        self.answers.append((200, answer | more))


@contextmanager
def electricity_maps() -> Iterator[Service]:
    service = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            service.asked.append((url.path, parse_qs(url.query), self.headers.get("auth-token")))
            status, answer = service.answers[min(len(service.asked), len(service.answers)) - 1]
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    service.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()


def live(service: Service, **more: Any) -> dict[str, Any]:
    return {
        "carbon_intensity_live": "electricity_maps",
        "electricity_maps": {"url": service.url},
        "country_iso_code": "FRA",
    } | more


def assert_nowhere(folder: Path, secret: str) -> None:
    for path in folder.rglob("*"):
        if path.is_file() and path.name != "config.json":
            assert secret.encode() not in path.read_bytes(), path


def test_the_live_intensity_is_asked_for_once_and_the_token_stays_secret(
    tmp_path: Path, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with electricity_maps() as service:
        service.latest(61, time.time())
        write_config(tmp_path, endpoint, **live(service))
        results = run(tmp_path, ELECTRICITYMAPS_API_TOKEN=TOKEN)
        assert service.asked == [("/v3/carbon-intensity/latest", {"zone": ["FR"]}, TOKEN)]
        carbon = results["carbon"]
        assert (carbon["g_per_kwh"], carbon["basis"]) == (61, "lifecycle")
        assert carbon["uncertainty_g_per_kwh"] == 25 and "live" in carbon["source"]
        shown = aieb(tmp_path, "show", "run.db")
        assert shown.returncode == 0 and TOKEN not in shown.stdout + json.dumps(results)
        assert_nowhere(tmp_path, TOKEN)
        # CodeCarbon's own client makes the same of this service.
        monkeypatch.setattr(electricitymaps_api, "URL", service.url + service.asked[0][0])
        place = GeoMetadata(country_iso_code="FRA", country_2letter_iso_code="FR")
        theirs = electricitymaps_api.get_emissions(Energy(1.0), place, TOKEN)
        assert theirs == pytest.approx(0.061) and service.asked[1][2] == TOKEN


def test_the_token_may_stand_in_the_configuration_as_a_variable(
    tmp_path: Path, endpoint: str
) -> None:
    with electricity_maps() as service:
        service.latest(61, time.time())
        settings = live(service)
        settings["electricity_maps"]["token"] = "${MY_TOKEN}"
        write_config(tmp_path, endpoint, **settings)
        run(tmp_path, MY_TOKEN=TOKEN)
        assert service.asked[0][2] == TOKEN
        printed = aieb(tmp_path, "validate", "config.json", "--print", MY_TOKEN=TOKEN)
        plan = aieb(tmp_path, "run", "config.json", "--dry-run", "--json", "-", MY_TOKEN=TOKEN)
        for shown in (printed, plan):
            assert shown.returncode == 0 and TOKEN not in shown.stdout + shown.stderr
        assert_nowhere(tmp_path, TOKEN)
        assert len(service.asked) == 1, "neither checking nor planning asks"


def test_a_run_that_leaves_the_hour_asks_again_at_its_end(tmp_path: Path, endpoint: str) -> None:
    with electricity_maps() as service:
        hour = time.time() - 3598  # over in two seconds
        service.latest(100, hour)
        service.latest(500, hour + 3600)
        write_config(tmp_path, endpoint, idle_s=2, **live(service))
        results = run(tmp_path, "metrics.idle_s=2.5", ELECTRICITYMAPS_API_TOKEN=TOKEN)
        assert len(service.asked) == 2
        assert results["carbon"]["g_per_kwh"] == pytest.approx(500), (
            "all of the measuring was in the second hour"
        )
        assert "then 500 g/kWh" in results["carbon"]["source"]


def test_what_fails_at_the_end_is_told_and_costs_no_run(tmp_path: Path, endpoint: str) -> None:
    with electricity_maps() as service:
        service.latest(100, time.time() - 3600)
        service.answers.append((500, {"error": f"oops {TOKEN}"}))
        write_config(tmp_path, endpoint, **live(service))
        results = run(tmp_path, ELECTRICITYMAPS_API_TOKEN=TOKEN)
        assert results["carbon"]["g_per_kwh"] == 100
        assert results["carbon"]["uncertainty_g_per_kwh"] == 50
        assert any("at the end of the run is not known" in w for w in results["warnings"])
        assert_nowhere(tmp_path, TOKEN)


@pytest.mark.parametrize(
    ("status", "answer", "words"),
    [
        (
            401,
            {"error": "Invalid auth-token"},
            ("HTTP 401", "Invalid auth-token", "check the token"),
        ),
        (404, {"message": "No recent data"}, ("No recent data", "metrics.carbon_intensity_zone")),
        (429, {"echo": TOKEN}, ("HTTP 429", "(hidden)")),
        (200, {"carbonIntensity": None}, ("without a carbonIntensity",)),
    ],
)
def test_what_fails_at_the_beginning_ends_the_run_before_it(
    tmp_path: Path, endpoint: str, status: int, answer: dict[str, Any], words: tuple[str, ...]
) -> None:
    with electricity_maps() as service:
        service.answers.append((status, answer))
        write_config(tmp_path, endpoint, **live(service))
        done = aieb(tmp_path, "run", "config.json", ELECTRICITYMAPS_API_TOKEN=TOKEN)
        assert_fails(done, 3, "metrics.carbon_intensity_live: off", *words)
        assert TOKEN not in done.stderr
        assert_nowhere(tmp_path, TOKEN)
        assert not list((tmp_path / "benchmark_output").glob("runs/*.db"))


def test_without_a_token_or_a_service_it_says_what_to_do(tmp_path: Path, endpoint: str) -> None:
    with electricity_maps() as service:
        write_config(tmp_path, endpoint, **live(service))
    assert_fails(aieb(tmp_path, "run", "config.json"), 3, "ELECTRICITYMAPS_API_TOKEN")
    assert_fails(aieb(tmp_path, "validate", "config.json"), 3, "ELECTRICITYMAPS_API_TOKEN")
    gone = aieb(tmp_path, "run", "config.json", ELECTRICITYMAPS_API_TOKEN=TOKEN)
    assert_fails(gone, 3, "did not answer", "check the network")


def test_nothing_is_asked_unless_it_is_asked_for(tmp_path: Path, endpoint: str) -> None:
    with electricity_maps() as service:
        service.latest(61, time.time())
        write_config(tmp_path, endpoint, electricity_maps={"url": service.url})
        assert run(tmp_path, ELECTRICITYMAPS_API_TOKEN=TOKEN)["carbon"]["assumed"]
        write_config(tmp_path, endpoint, enabled=False, **live(service))
        (tmp_path / "run.db").unlink()
        run(tmp_path, ELECTRICITYMAPS_API_TOKEN=TOKEN)
        assert service.asked == []


# Embodied


def test_embodied_emissions_stand_beside_the_others_in_every_report(
    tmp_path: Path, endpoint: str
) -> None:
    item = {
        "component": "server", "devices": 2, "total_kg": 1500, "lifetime_years": 5,
        "uncertainty_percent": 40, "source": "a vendor's footprint",
    }  # fmt: skip
    stated = {"carbon_intensity_g_per_kwh": 100, "carbon_intensity_uncertainty_percent": 10}
    write_config(tmp_path, endpoint, embodied=[item], **stated)
    results = run(tmp_path)
    embodied = results["derived"]["embodied_emissions"]
    wanted = 2 * 1500e3 / (5 * 365.25 * 24) * results["summary"]["measured_s"] / 3600
    assert embodied["value"] == pytest.approx(wanted)
    assert embodied["uncertainty"] == pytest.approx(0.4 * wanted)
    emissions = results["derived"]["emissions"]["value"]
    assert emissions == pytest.approx(results["energy"]["total"]["value"] / 3.6e6 * 100)
    assert results["carbon"]["uncertainty_g_per_kwh"] == pytest.approx(10)
    for words in ((), ("--format", "markdown"), ("--format", "html"), ("--format", "json")):
        shown = " ".join(aieb(tmp_path, "report", "run.db", *words).stdout.split())
        assert "vendor's footprint" in shown, words
    header, row = aieb(tmp_path, "report", "run.db", "--format", "csv").stdout.splitlines()[:2]
    cells = dict(zip(header.split(","), row.split(","), strict=False))
    assert float(cells["embodied_emissions_g_co2eq"]) == pytest.approx(wanted)


def test_embodied_emissions_are_absent_where_nobody_asked(tmp_path: Path, endpoint: str) -> None:
    write_config(tmp_path, endpoint)
    results = run(tmp_path)
    assert results["embodied"] is None
    assert results["summary"]["embodied_emissions_g_co2eq"] is None
    assert "embodied" not in aieb(tmp_path, "report", "run.db").stdout
    write_config(tmp_path, endpoint, embodied=[{"component": "gpu", "g_per_hour": 3}])
    assert_fails(aieb(tmp_path, "validate", "config.json"), 2, "metrics.embodied[0].source")


# Monitor


def test_a_monitored_command_takes_the_intensities_of_a_file(tmp_path: Path) -> None:
    write_series(tmp_path / "grid.csv", time.time() - 1800, 3600, [77])
    done = aieb(
        tmp_path, "monitor", "--idle", "0", "--json", "out.json",
        "metrics.carbon_intensity_series=grid.csv", "--", "sleep", "0.5",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "out.json").read_text())["carbon"]["g_per_kwh"] == 77
    rows = aieb(
        tmp_path, "monitor", "--duration", "1", "--interval", "0.3", "--json", "-", "-q",
        "metrics.carbon_intensity_series=grid.csv",
    ).stdout.splitlines()  # fmt: skip
    last = json.loads(rows[-1])
    energy = last["total"]["energy"]["value"]
    assert last["emissions"]["value"] == pytest.approx(energy / 3.6e6 * 77)
