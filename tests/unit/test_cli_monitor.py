"""`aieb monitor`: the machine, a command, and the Prometheus exporter."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from cli_harness import BINARY, aieb, assert_fails, environment, start_aieb
from exporter_harness import fake_exporter

PYTHON = sys.executable


def measured(folder: Path, *words: str, options: tuple[str, ...] = ()) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command under the monitor, without an idle phase."""
    idle = () if "--idle" in options else ("--idle", "0")
    done = aieb(folder, "monitor", *idle, *options, "--", *words)
    return done.returncode, done.stdout, done.stderr


# A command


@pytest.mark.parametrize("code", [0, 1, 3, 77, 255])
def test_the_exit_code_is_the_command_s(tmp_path: Path, code: int) -> None:
    assert measured(tmp_path, "sh", "-c", f"exit {code}")[0] == code


def test_streams_pass_through_and_stdout_holds_nothing_else(tmp_path: Path) -> None:
    script = "import sys; sys.stdout.write(sys.stdin.read()[::-1]); sys.stderr.write('E!')"
    done = subprocess.run(
        [str(BINARY), "monitor", "--idle", "0", "--", PYTHON, "-c", script],
        cwd=tmp_path, env=environment(), input="abc", capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "cba")
    assert done.stderr.startswith("E!")
    for word in ("energy", "mean power", "emissions", "(assumed)", "exit code 0"):
        assert word in done.stderr


def test_quiet_adds_nothing_to_stderr_either(tmp_path: Path) -> None:
    code, out, err = measured(tmp_path, "sh", "-c", "echo o; echo e >&2", options=("-q",))
    assert (code, out, err) == (0, "o\n", "e\n")


def test_arguments_arrive_as_they_are(tmp_path: Path) -> None:
    words = ["", "--json", "-q", "--", "[1, 2]", "a b", "run", "--help", "x=y", "é"]
    script = "import json, sys; print(json.dumps(sys.argv[1:]))"
    _, out, _ = measured(tmp_path, PYTHON, "-c", script, *words)
    assert json.loads(out) == words


@pytest.mark.parametrize("name", ["TERM", "INT", "HUP", "USR1"])
def test_a_signal_reaches_the_command_which_may_handle_it(tmp_path: Path, name: str) -> None:
    script = (
        "import signal, sys, time\n"
        f"signal.signal(signal.SIG{name}, lambda *_: sys.exit(42))\n"
        "print('ready', flush=True)\n"
        "time.sleep(30)\n"
    )
    process = start_aieb(tmp_path, "monitor", "--idle", "0", "--", PYTHON, "-c", script)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(getattr(signal, f"SIG{name}"))
    _, err = process.communicate(timeout=30)
    assert process.returncode == 42
    assert "exit code 42" in err


def test_a_signal_that_ends_the_command_ends_the_monitor_by_the_same_after_its_report(
    tmp_path: Path,
) -> None:
    process = start_aieb(tmp_path, "monitor", "--idle", "0", "--", "sh", "-c", "kill -SEGV $$")
    _, err = process.communicate(timeout=30)
    assert process.returncode == -signal.SIGSEGV
    assert "ended by signal 11" in err and "energy" in err


def test_the_terminal_s_ctrl_c_reaches_the_command_once(tmp_path: Path) -> None:
    """In a session with a terminal, the kernel signals the whole foreground group."""
    script = (
        "import signal, sys, time\n"
        "seen = []\n"
        "signal.signal(signal.SIGINT, lambda *_: seen.append(1))\n"
        "print('ready', flush=True)\n"
        "end = time.time() + 1.5\n"
        "while time.time() < end: time.sleep(0.05)\n"
        "print(f'seen {len(seen)}', flush=True)\n"
    )
    pid, terminal = os.forkpty()
    if pid == 0:
        os.chdir(tmp_path)
        words = ["monitor", "-q", "--idle", "0", "--", PYTHON, "-c", script]
        os.execve(str(BINARY), [str(BINARY), *words], environment())
    text = b""
    while b"ready" not in text:
        text += os.read(terminal, 1024)
    os.write(terminal, b"\x03")
    try:
        while chunk := os.read(terminal, 1024):
            text += chunk
    except OSError:  # the terminal of a process that ended
        pass
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert b"seen 1" in text


def test_ctrl_c_in_the_idle_phase_runs_nothing_and_leaves_no_recording(tmp_path: Path) -> None:
    process = start_aieb(tmp_path, "monitor", "--idle", "30", "--", "touch", "was-run")
    deadline = time.monotonic() + 20
    while not list(tmp_path.glob("benchmark_output/runs/*.db")) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == -signal.SIGINT
    assert not (tmp_path / "was-run").exists()
    assert not list(tmp_path.glob("benchmark_output/runs/*.db"))


def test_a_program_that_is_not_there_is_127_and_one_that_may_not_run_126(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("no program")
    for word, code in (("no-such-program-here", 127), (str(plain), 126)):
        begin = time.monotonic()
        done = aieb(tmp_path, "monitor", "--", word)
        assert done.returncode == code
        assert word in done.stderr and "error: " in done.stderr
        assert time.monotonic() - begin < 4  # before the idle phase, not after it


def test_it_is_recorded_like_a_run(tmp_path: Path) -> None:
    code, _, _ = measured(
        tmp_path, PYTHON, "-c", "import time; time.sleep(0.6)",
        options=("--idle", "0.5", "--json", "r.json", "--country", "FRA", "--name", "nap"),
    )  # fmt: skip
    assert code == 0
    document = json.loads((tmp_path / "r.json").read_text())
    assert document["environment"]["engine"]["details"]["command"][0] == PYTHON
    assert document["environment"]["engine"]["details"]["command_exit"] == {"code": 0, "signal": 0}
    assert document["carbon"]["country_iso_code"] == "FRA"
    assert not document["carbon"]["assumed"]
    measure = document["energy_by_phase"]["measure"]
    assert 0.6 <= measure["duration_s"] < 10
    assert document["energy_by_phase"]["idle"]["duration_s"] >= 0.5
    assert not any("no request was in flight" in w for w in document["warnings"])
    for energy in document["energy"].values():
        if isinstance(energy, dict) and "value" in energy:
            assert energy["value"] is None or energy["uncertainty"] > 0
            assert energy["value"] is not None or energy["reason"]
    shown = aieb(tmp_path, "show", "latest")
    assert shown.returncode == 0
    assert "nap" in shown.stdout and "mean power" in shown.stdout
    assert "per prompt" not in shown.stdout
    listed = aieb(tmp_path, "list")
    assert "nap" in listed.stdout
    again = aieb(tmp_path, "report", "latest", "--format", "json")
    assert again.returncode == 0, again.stderr


def test_without_an_idle_phase_the_energy_above_idle_is_unknown_with_the_reason(
    tmp_path: Path,
) -> None:
    measured(tmp_path, "true", options=("--json", "r.json"))
    text = (tmp_path / "r.json").read_text()
    assert "no idle phase was recorded" in text


def test_rows_are_written_while_the_command_runs(tmp_path: Path) -> None:
    measured(tmp_path, "sleep", "2.4", options=("--csv", "rows.csv", "--interval", "0.3"))
    rows = pd.read_csv(tmp_path / "rows.csv")
    assert rows["elapsed_s"].nunique() >= 2


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("sleep", "1"), "-- COMMAND"),
        (("--csv", "-", "--", "true"), "stdout is the command's own"),
        (("--json", "-", "--", "true"), "stdout is the command's own"),
        (("--idle", "3"), "--idle needs a command"),
        (("--duration", "3", "--", "true"), "timeout(1)"),
        (("--interval", "0"), "--interval"),
        (("--interval", "nan"), "--interval"),
        (("--csv", "-", "--json", "-"), "cannot share stdout"),
        (("--country", "ATLANTIS"), "ATLANTIS"),
        (("--prometheus", "nowhere"), "not an address"),
        (("--prometheus", ":70000"), "not an address"),
        (("--unknown",), "--unknown"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, words: tuple[str, ...], part: str) -> None:
    assert_fails(aieb(tmp_path, "monitor", *words), 2, part)


def test_a_file_that_cannot_be_written_is_an_environment_error(tmp_path: Path) -> None:
    done = aieb(tmp_path, "monitor", "--csv", "no/such/folder/x.csv", "--duration", "0.2")
    assert_fails(done, 3, "no/such/folder/x.csv")


# The machine


def test_csv_is_readable_by_pandas_and_unknown_is_empty(tmp_path: Path) -> None:
    done = aieb(tmp_path, "monitor", "--csv", "-", "--interval", "0.4", "--duration", "1.7", "-q")
    assert done.returncode == 0, done.stderr
    rows = pd.read_csv(io.StringIO(done.stdout), parse_dates=["time"])
    assert set(rows["component"]) >= {"cpu", "dram", "total"}
    for component, group in rows[rows["energy_j"].notna()].groupby("component"):
        assert group["energy_j"].is_monotonic_increasing, component
        assert (group["energy_uncertainty_j"] > 0).all()
        assert (group["source"] != "missing").all()
    unknown = rows[rows["energy_j"].isna() & (rows["window_s"] > 0)]
    assert unknown["reason"].notna().all()
    last = rows[rows["elapsed_s"] == rows["elapsed_s"].max()].set_index("component")
    known = last.loc[[c for c in ("gpu", "cpu", "dram") if c in last.index], "energy_j"].sum()
    assert last.loc["total", "energy_j"] == pytest.approx(known)


def test_json_lines_end_with_the_final_one(tmp_path: Path) -> None:
    done = aieb(tmp_path, "monitor", "--json", "-", "--interval", "0.4", "--duration", "1.3", "-q")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["final"] for line in lines] == [False] * (len(lines) - 1) + [True]
    assert len(lines) >= 2
    assert lines[-1]["carbon"]["assumed"] is True
    grams = lines[-1]["emissions"]["value"]
    joules = lines[-1]["total"]["energy"]["value"]
    assert grams == pytest.approx(joules / 3.6e6 * lines[-1]["carbon"]["g_per_kwh"])


@pytest.mark.parametrize("name", ["INT", "TERM"])
def test_an_interrupt_ends_it_with_a_summary(tmp_path: Path, name: str) -> None:
    process = start_aieb(tmp_path, "monitor", "--interval", "0.3")
    assert process.stdout is not None
    first = process.stdout.readline()
    assert " W" in first and "\x1b" not in first
    process.send_signal(getattr(signal, f"SIG{name}"))
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert "monitored for" in out and "mean power" in out and "assumed" in out


def test_a_recording_is_kept_on_request(tmp_path: Path) -> None:
    done = aieb(tmp_path, "monitor", "--trace", "m.db", "--duration", "0.6", "-q")
    assert (done.returncode, done.stdout) == (0, "")
    shown = aieb(tmp_path, "show", "m.db")
    assert "monitor" in shown.stdout and shown.returncode == 0


# The exporter


@pytest.fixture
def exporter(tmp_path: Path) -> Iterator[str]:
    process = start_aieb(tmp_path, "monitor", "--prometheus", ":0", "--interval", "0.3")
    assert process.stdout is not None
    url = process.stdout.readline().removeprefix("serving ").strip()
    time.sleep(1.6)
    yield url
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 0


def fetch(url: str) -> tuple[str, str]:
    with urllib.request.urlopen(url, timeout=5) as response:
        return response.read().decode(), response.headers["Content-Type"]


def test_the_exporter_speaks_what_the_official_parser_reads(exporter: str) -> None:
    parser = pytest.importorskip("prometheus_client.parser")
    text, content_type = fetch(exporter)
    assert content_type == "text/plain; version=0.0.4; charset=utf-8"
    families = {f.name: f for f in parser.text_string_to_metric_families(text)}
    energy = families["aieb_energy_joules"]
    assert energy.type == "counter" and energy.documentation
    assert families["aieb_power_watts"].type == "gauge"
    components = {s.labels["component"] for s in energy.samples}
    assert components >= {"cpu", "dram"} and "total" not in components
    for sample in energy.samples:
        assert set(sample.labels) == {"component", "index", "sensor", "source"}
        assert sample.value > 0
    assert families["aieb_carbon_intensity_grams_per_kwh"].samples[0].labels["assumed"] == "true"
    time.sleep(1.5)
    later = {f.name: f for f in parser.text_string_to_metric_families(fetch(exporter)[0])}
    before = sum(s.value for s in energy.samples)
    assert sum(s.value for s in later["aieb_energy_joules"].samples) > before


def test_the_exporter_listens_on_loopback_only_and_answers_nothing_else(exporter: str) -> None:
    assert exporter.startswith("http://127.0.0.1:") and exporter.endswith("/metrics")
    base = exporter.removesuffix("/metrics")
    assert "/metrics" in fetch(base + "/")[0]
    assert fetch(exporter + "?x=1")[0].startswith("# HELP aieb_energy_joules_total")
    with pytest.raises(urllib.error.HTTPError, match="404"):
        fetch(base + "/other")
    with pytest.raises(urllib.error.HTTPError, match="405"):
        urllib.request.urlopen(exporter, data=b"x", timeout=5)


def test_a_client_that_says_nothing_does_not_stop_the_exporter(exporter: str) -> None:
    port = int(exporter.split(":")[2].split("/")[0])
    with socket.create_connection(("127.0.0.1", port)):
        assert "aieb_energy" in fetch(exporter)[0]
    with socket.create_connection(("127.0.0.1", port)) as silly:
        silly.sendall(b"\x00\xff\r\n\r\n")
    assert "aieb_energy" in fetch(exporter)[0]


def test_a_port_that_is_taken_is_an_environment_error(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = aieb(tmp_path, "monitor", "--prometheus", f":{port}", "--duration", "0.2")
    assert_fails(done, 3, str(port), "Choose another port")


# Another machine, through its exporters


def monitored(folder: Path, *words: str) -> dict[str, Any]:
    """The last reading of a watch of two seconds."""
    done = aieb(
        folder, "monitor", "--duration", "2", "--interval", "0.4", "--json", "-", "-q", *words
    )
    assert done.returncode == 0, done.stderr
    out: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return out


@pytest.mark.parametrize("by", ["file", "setting"])
def test_sources_show_what_an_exporter_measures(tmp_path: Path, by: str) -> None:
    with fake_exporter("--gpus", "2", "--update-s", "0.05") as url:
        words = [f'metrics.sources=[{{type: dcgm, url: "{url}"}}]']
        if by == "file":
            (tmp_path / "watch.yaml").write_text(
                f'name: x\nmetrics:\n  sources:\n    - {{type: dcgm, url: "{url}"}}\n'
            )
            words = ["watch.yaml"]
        last = monitored(tmp_path, *words)
        alone = monitored(tmp_path, *words, "metrics.scope=remote")
    gpus = [d for d in last["devices"] if d["component"] == "gpu"]
    assert [d["index"] for d in gpus] == [0, 1]
    for device in gpus:
        assert device["sensor"].startswith("dcgm/")
        assert device["energy"]["source"] == "measured-counter"
        mean_w = device["energy"]["value"] / last["elapsed_s"]
        assert 120 / (device["index"] + 1) < mean_w < 480 / (device["index"] + 1)
    assert any(d["component"] == "cpu" and d["energy"]["value"] for d in last["devices"])
    assert last["total"]["energy"]["value"] > sum(d["energy"]["value"] for d in gpus)
    unknown = [d for d in alone["devices"] if d["energy"]["value"] is None]
    assert {d["component"] for d in unknown} == {"cpu", "dram"}
    assert "metrics.sources" in unknown[0]["energy"]["reason"]


def test_a_source_that_does_not_answer_is_a_missing_component(tmp_path: Path) -> None:
    last = monitored(tmp_path, 'metrics.sources=[{type: dcgm, url: "http://127.0.0.1:9"}]')
    gpu = next(d for d in last["devices"] if d["component"] == "gpu")
    assert gpu["energy"]["value"] is None and "127.0.0.1:9" in gpu["energy"]["reason"]


def test_settings_may_stand_before_a_command(tmp_path: Path) -> None:
    done = aieb(
        tmp_path, "monitor", "metrics.pue=1.5", "-q", "--idle", "0", "--json", "out.json",
        "--", "sh", "-c", "exit 7",
    )  # fmt: skip
    assert done.returncode == 7, done.stderr
    assert json.loads((tmp_path / "out.json").read_text())["carbon"]["pue"] == 1.5


def test_mistakes_in_sources_are_told_before_anything_is_read(tmp_path: Path) -> None:
    typo = 'metrics.sources=[{type: dgcm, url: "http://127.0.0.1:9"}]'
    assert_fails(aieb(tmp_path, "monitor", typo), 2, "did you mean 'dcgm'?")
    assert_fails(aieb(tmp_path, "monitor", "metrics.source=[]"), 2, "did you mean 'sources'?")
    assert_fails(aieb(tmp_path, "monitor", "--csv", "--", "true"), 2, "--csv needs a value")
