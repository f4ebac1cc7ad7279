"""The HTML reports in a real browser: what it shows, without errors and without the network."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_harness import aieb
from trace_maker import TraceMaker

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="playwright is not installed (tools/requirements-test.txt)"
)

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium here; install the package chromium to run these tests"
)

HOSTILE = '</script><script>document.title="owned"</script><img src=x onerror=alert(1)> é "quoted"'


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


def report(folder: Path, trace: Path, name: str = "report.html") -> Path:
    result = aieb(folder, "report", str(trace), "--format", "html", "-o", name)
    assert result.returncode == 0, result.stderr
    return folder / name


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("html")
    price = {"metrics": {"price": {"currency": "EUR", "per_kwh": 0.3, "per_gpu_hour": 2.5}}}
    maker = TraceMaker(name="<b>made up</b>", text=HOSTILE, config=price)
    return report(folder, maker.write(folder / "run.db"))


class Visit:
    """An open page that remembers everything it complained about or asked for."""

    def __init__(self, browser: Any, file: Path, width: int = 1280, scheme: str = "light") -> None:
        self.context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme
        )
        self.page = self.context.new_page()
        self.problems: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda m: self.problems.append(m.text))
        self.page.on("pageerror", lambda e: self.problems.append(str(e)))
        self.page.on("request", lambda r: self.requests.append(r.url))
        self.url = file.as_uri()
        self.page.goto(self.url)
        self.page.wait_for_selector("#prompts tbody tr, #prompts .empty, #pareto .mark")

    def __enter__(self) -> Visit:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()

    def column(self, name: str) -> list[str]:
        """Texts of a column of the table of prompts."""
        heads = self.page.locator("#prompts th").all_inner_texts()
        at = next(i for i, head in enumerate(heads) if head.startswith(name))
        return list(self.page.locator(f"#prompts tbody td:nth-child({at + 1})").all_inner_texts())

    def sort_by(self, name: str) -> None:
        self.page.locator("#prompts th button", has_text=name).first.click()


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_loads_without_a_complaint_and_without_the_network(
    browser: Any, page_file: Path, width: int, scheme: str
) -> None:
    with Visit(browser, page_file, width, scheme) as visit:
        assert visit.problems == []
        assert visit.requests == [visit.url]
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= width


def test_dark_is_dark_and_light_is_light(browser: Any, page_file: Path) -> None:
    brightness = "parseInt(getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0])"
    with Visit(browser, page_file, scheme="light") as visit:
        assert visit.page.evaluate(brightness) > 200
    with Visit(browser, page_file, scheme="dark") as visit:
        assert visit.page.evaluate(brightness) < 60


def test_hostile_text_stays_text(browser: Any, page_file: Path) -> None:
    with Visit(browser, page_file) as visit:
        assert visit.page.title().startswith("<b>made up</b>")
        assert visit.page.locator("h1").inner_text() == "<b>made up</b>"
        assert visit.page.locator("main img, main script, h1 b").count() == 0
        assert HOSTILE in visit.page.locator("#prompts .clip").first.text_content()


def test_every_drawing_has_marks(browser: Any, page_file: Path) -> None:
    with Visit(browser, page_file) as visit:
        count = {
            name: visit.page.locator(f"#{name} .mark").count()
            for name in ("power", "energy", "latency", "gpus")
        }
        assert count["power"] > 3 + 60, "three devices, and two bars for nearly every prompt"
        assert count["energy"] >= 6
        assert count["latency"] >= 15
        assert count["gpus"] == 2
        assert visit.page.locator("#power .band.measure").count() == 1


def test_the_headline_has_an_uncertainty_and_the_cost(browser: Any, page_file: Path) -> None:
    with Visit(browser, page_file) as visit:
        energy = visit.page.locator('.card[data-key="total_energy_wh"]')
        assert "±" in energy.inner_text()
        assert energy.locator(".value").inner_text().endswith("Wh")
        assert "EUR" in visit.page.locator('.card[data-key="cost_per_1000_prompts"]').inner_text()


def test_a_click_on_a_head_sorts_and_another_turns_it_round(browser: Any, page_file: Path) -> None:
    with Visit(browser, page_file) as visit:
        visit.sort_by("Tokens out")
        rising = [int(text) for text in visit.column("Tokens out") if text != "–"]
        assert rising == sorted(rising)
        assert visit.page.locator("#prompts th[aria-sort=ascending]").count() == 1
        visit.sort_by("Tokens out")
        falling = [int(text) for text in visit.column("Tokens out")]
        assert falling == sorted(falling, reverse=True)
        assert falling[0] > rising[0]


def test_the_filter_finds_text_and_status(browser: Any, page_file: Path) -> None:
    with Visit(browser, page_file) as visit:
        visit.page.locator("#prompts select").select_option("failed")
        assert visit.column("Status") == ["failed"] * 3
        visit.page.locator("#prompts select").select_option("")
        visit.page.locator("#prompts input").fill("number 17.")
        assert visit.column("Prompt") == ["17"]
        visit.page.locator("#prompts input").fill("nothing has this")
        assert "No prompt matches" in visit.page.locator("#prompts").inner_text()


def test_the_configuration_is_there_word_for_word(browser: Any, page_file: Path) -> None:
    with Visit(browser, page_file) as visit:
        visit.page.locator("summary", has_text="Configuration").click()
        assert '"per_gpu_hour": 2.5' in visit.page.locator("#details pre").inner_text()


def test_paper_is_light_unfolded_and_has_no_controls(browser: Any, page_file: Path) -> None:
    with Visit(browser, page_file, scheme="dark") as visit:
        assert visit.page.pdf()[:5] == b"%PDF-"
        assert visit.page.locator("details:not([open])").count() == 0, "beforeprint unfolds them"
        visit.page.emulate_media(media="print", color_scheme="dark")
        assert visit.page.locator("#prompts input").is_hidden()
        assert (
            visit.page.evaluate("getComputedStyle(document.body).backgroundColor")
            == "rgb(255, 255, 255)"
        )


def test_ten_thousand_prompts_stay_small_and_quick(browser: Any, tmp_path: Path) -> None:
    trace = TraceMaker(prompts=10_000, gpus=8, seconds=3600).write(tmp_path / "hour.db")
    file = report(tmp_path, trace)
    assert file.stat().st_size < 2_000_000
    with Visit(browser, file) as visit:
        took = visit.page.evaluate(
            """() => { const begin = performance.now();
            [...document.querySelectorAll('#prompts th button')].find((b) => b.textContent === 'Latency').click();
            document.body.offsetHeight; return performance.now() - begin; }"""
        )
        assert took < 1000, "milliseconds to sort"
        assert "10,000" in visit.page.locator("#prompts").inner_text()
        assert visit.problems == []


def test_unknown_energy_says_why(browser: Any, tmp_path: Path) -> None:
    maker = TraceMaker(config={"metrics": {"enabled": False}})
    with Visit(browser, report(tmp_path, maker.write(tmp_path / "run.db"))) as visit:
        assert visit.problems == []
        text = visit.page.locator("main").inner_text()
        assert "metrics.enabled is false" in text
        assert (
            "Unknown: disabled"
            in visit.page.locator('.card[data-key="total_energy_wh"]').inner_text()
        )


def test_a_comparison_draws_the_trade_offs(browser: Any, tmp_path: Path) -> None:
    names = ["full", "saving", "half"]
    for name, power in zip(names, (1.0, 0.7, 0.5), strict=True):
        TraceMaker(name=name, power=power).write(tmp_path / f"{name}.db")
    traces = [f"{name}.db" for name in names]
    result = aieb(tmp_path, "compare", *traces, "--html", "compare.html")
    assert result.returncode == 0, result.stderr
    assert "the difference is real" in result.stdout
    for width in (390, 1280):
        with Visit(browser, tmp_path / "compare.html", width) as visit:
            assert visit.problems == []
            assert visit.requests == [visit.url]
            assert visit.page.locator("#pareto .mark").count() == 6
            text = visit.page.locator("main").inner_text()
            assert "C used 50.0 % less" in text
            assert "C − A: " in text
            assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
