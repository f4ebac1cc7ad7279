"""The container files, without a Docker engine: lint, schema, and that they fit what they run.

The slow test executes the steps of Dockerfile.poc in a clean Debian and runs the result.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from cli_harness import BINARY, ROOT, environment, fake_server

sys.path.insert(0, str(ROOT / "tools" / "container"))
import dockerfile

DOCKERFILES = ["Dockerfile", "Dockerfile.poc"]
COMPOSE_FILES = ["docker-compose.yml", "docker-compose.cpu.yml", "docker-compose.poc.yml"]
SCHEMA = ROOT / "tests" / "data" / "compose" / "compose-spec.json"
# Variables that compose files pass on, and who reads them.
NOT_SETTINGS = {"LOG_LEVEL", "VLLM_API_KEY", "HF_TOKEN", "OLLAMA_HOST"}


class ComposeLoader(yaml.SafeLoader):
    """YAML with Compose's own tags, such as !reset, which stand for nothing here."""


ComposeLoader.add_multi_constructor("!", lambda loader, suffix, node: None)  # type: ignore[no-untyped-call]


def interpolate(text: str, **variables: str) -> str:
    """As Compose does: ${NAME:-default}; comments are left out."""
    text = re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)
    return re.sub(r"\$\{(\w+)(?::-([^}]*))?\}", lambda m: variables.get(m[1]) or m[2] or "", text)


def compose(name: str, **variables: str) -> dict[str, Any]:
    text = interpolate((ROOT / name).read_text(), **variables)
    return yaml.load(text, ComposeLoader)  # type: ignore[no-any-return]


def stages(name: str, **arguments: str) -> list[dockerfile.Stage]:
    return dockerfile.stages(dockerfile.parse((ROOT / name).read_text()), arguments)


@pytest.mark.parametrize("name", DOCKERFILES)
def test_hadolint_finds_nothing(name: str) -> None:
    program = Path(sys.executable).parent / "hadolint"
    if not program.exists():
        pytest.skip("hadolint is not installed (tools/requirements-test.txt)")
    result = subprocess.run([str(program), name], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("name", DOCKERFILES)
def test_images_take_a_python_version_on_debian_12(name: str) -> None:
    assert {stage.base for stage in stages(name)} == {"python:3.11-slim-bookworm"}
    chosen = stages(name, PYTHON_VERSION="3.13")
    assert {stage.base for stage in chosen} == {"python:3.13-slim-bookworm"}


@pytest.mark.parametrize("name", DOCKERFILES)
def test_images_run_as_a_user_without_a_command_and_set_nothing_up(name: str) -> None:
    last = {step.keyword: step for step in stages(name)[-1].steps}
    assert last["USER"].text == "1000:1000"
    assert last["CMD"].words() == ["./run_benchmark.sh"]
    assert "AIEB_NO_SETUP=1" in last["ENV"].words()


def test_the_images_differ_only_in_what_they_are_for() -> None:
    def lines(name: str) -> set[str]:
        text = [f"{s.keyword} {s.text}" for stage in stages(name) for s in stage.steps]
        return set(text)

    only = sorted(lines("Dockerfile") ^ lines("Dockerfile.poc"))
    expected = ("ARG TORCH", "ENV", "ENV", "RUN ./build_wheel.sh", "RUN /tmp/aieb/install.sh",
                "RUN /tmp/aieb/install.sh none", "RUN AIEB_PYTORCH=OFF ./build_wheel.sh")  # fmt: skip
    assert len(only) == len(expected)
    for line, beginning in zip(only, expected, strict=True):
        assert line.startswith(beginning)


@pytest.mark.parametrize("name", DOCKERFILES)
def test_what_is_copied_exists_and_is_small(name: str) -> None:
    files = dockerfile.context_files(ROOT)
    for stage in stages(name):
        for step in (s for s in stage.steps if s.keyword == "COPY"):
            for source in step.words()[:-1]:
                assert any(dockerfile.names(source, file) for file in files), source
    assert sum((ROOT / file).lstat().st_size for file in files) < 20e6
    folders = {Path(file).parts[0] for file in files}
    assert folders.isdisjoint({".git", ".aieb", "build", "dist", "results", "tests"})
    assert {"src", "rust", "configs", "data", "build_wheel.sh", "README.md"} <= folders


@pytest.mark.parametrize("name", COMPOSE_FILES)
def test_compose_files_follow_the_specification(name: str) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(SCHEMA.read_text())
    errors = jsonschema.Draft7Validator(schema).iter_errors(compose(name))
    assert [f"{list(error.path)}: {error.message}" for error in errors] == []


def test_the_schema_finds_mistakes() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    wrong = {"services": {"a": {"image": "x", "comand": ["y"]}}}
    schema = json.loads(SCHEMA.read_text())
    assert list(jsonschema.Draft7Validator(schema).iter_errors(wrong))


def settings_of_the_environment() -> set[str]:
    """The variables that docs/config.md lists, which is made from the table of keys."""
    text = (ROOT / "docs" / "config.md").read_text()
    return set(re.findall(r"^\| `([A-Z_]+)` \|", text, re.MULTILINE))


def services(name: str, **variables: str) -> list[dict[str, Any]]:
    return [s for s in compose(name, **variables)["services"].values() if s.get("build")]


@pytest.mark.parametrize("name", ["docker-compose.yml", "docker-compose.poc.yml"])
def test_services_set_variables_and_mount_folders_that_exist_in_the_image(name: str) -> None:
    installer = (ROOT / "tools" / "container" / "install.sh").read_text()
    match = re.search(r"for folder in (.*); do", installer)
    assert match
    folders = {f"/app/{folder}" for folder in [*match[1].split(), "configs"]}
    used_by_configs = set(
        re.findall(r"\$\{(\w+)", (ROOT / "configs/docker_ollama.yaml").read_text())
    )
    for service in services(name):
        assert (ROOT / service["build"]["dockerfile"]).exists()
        known = settings_of_the_environment() | used_by_configs | NOT_SETTINGS
        assert set(service["environment"]) <= known
        targets = {volume.split(":")[1] for volume in service["volumes"]}
        assert targets <= folders
        assert service.get("user") is None


def dry_run(service: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The plan of what a service runs, from the repository's files."""
    script, *words = service["command"]
    assert script == "./run_benchmark.sh"
    (folder / "configs").symlink_to(ROOT / "configs")
    variables = {k: str(v) for k, v in service["environment"].items() if v is not None}
    command = [str(BINARY), "run", *words, "--dry-run", "--json", "-"]
    result = subprocess.run(
        command, cwd=folder, env=environment(**variables), capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    plan: dict[str, Any] = json.loads(result.stdout)
    return plan


def test_the_standard_compose_measures_ollama_on_this_machine(tmp_path: Path) -> None:
    (service,) = services("docker-compose.yml", AI_MODEL="qwen3:0.6b", GPU_MODEL="h100")
    config = dry_run(service, tmp_path)["config"]
    assert config["name"] == "ollama_h100"
    assert config["backend"]["type"] == "ollama"
    assert config["backend"]["model"] == "qwen3:0.6b"
    assert config["backend"]["endpoint"] == "http://ollama:11434/v1"
    assert config["metrics"]["scope"] == "local"
    outputs = [r["output_file"] for r in config["reporter"]]
    assert outputs == ["./benchmark_output/results.csv"]


def test_the_poc_compose_measures_a_server_on_the_host(tmp_path: Path) -> None:
    service = services(
        "docker-compose.poc.yml", VLLM_ENDPOINT="http://host.docker.internal:8001/v1"
    )[0]
    assert service["extra_hosts"] == ["host.docker.internal:host-gateway"]
    service["command"].append("scenario.dataset_name=quickstart")
    config = dry_run(service, tmp_path)["config"]
    assert config["name"] == "gpt_oss_120b"
    assert config["backend"]["endpoint"] == "http://host.docker.internal:8001/v1"
    assert config["metrics"]["scope"] == "auto"


@pytest.mark.slow
def test_the_steps_of_the_small_image_work_in_a_clean_debian(tmp_path: Path) -> None:
    if os.geteuid() != 0 or not shutil.which("debootstrap"):
        pytest.skip("needs root and debootstrap (apt-get install debootstrap)")
    tool = [sys.executable, str(ROOT / "tools" / "container" / "try_in_chroot.py")]
    results = tmp_path / "results"
    results.mkdir(mode=0o777)
    results.chmod(0o777)
    with fake_server("--model", "fake-model") as url:
        command = [
            *tool, "Dockerfile.poc", "--work", str(tmp_path / "image"),
            "--env", f"VLLM_ENDPOINT={url}", "--env", "BENCHMARK_MODEL=fake-model",
            "--env", "BENCHMARK_BACKEND=vllm", "--env", "NUM_SAMPLES=3",
            "--volume", f"{results}:/app/results",
            "--run", "./run_benchmark.sh", "configs/gpt_oss_120b.yaml",
            "scenario.dataset_name=quickstart", "metrics.idle_s=0",
        ]  # fmt: skip
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-4000:]
    lines = (results / "gpt_oss_120b_results.csv").read_text().splitlines()
    assert lines[1].split(",")[4:6] == ["3", "3"]
    assert (results / "gpt_oss_120b_results.csv").stat().st_uid == 1000
