"""Takes the fenced blocks out of the documents and runs them where nothing real is needed.

A `Place` is a temporary folder that looks like the repository to a reader who follows a document: the
configurations, run_benchmark.sh, an `aieb` on the PATH that makes every run short, a server that
answers at localhost:8000, a hub with tiny models. What has no place in a test has a stand-in below.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from cli_harness import BINARY, ROOT, VARIABLES

LANGUAGES = {"bash", "console", "python", "yaml", "json", "sql", "bibtex", "text"}

# Commands that do nothing here, and why that is no gap.
STAND_INS = {
    "vllm": "needs a GPU and gigabytes; a fake server answers at its address",
    "pip": "installing takes minutes; ./run_tests.sh wheel does it",
    "sudo": "would change this machine",
    "docker": "there is no engine; what its arguments name is checked, the image is tested by "
    "test_containers.py",
    "./run_tests.sh": "runs these tests",
    "./build_wheel.sh": "takes minutes; ./run_tests.sh wheel runs it",
}

# Short settings, unless the document itself says otherwise.
AIEB = r"""#!/usr/bin/env bash
command=${1:-}
case $command in
  run|sweep)
    shift
    short=()
    for setting in metrics.idle_s=0 metrics.warmup_prompts=0 backend.device=auto \
      scenario.num_samples=2 scenario.generate_kwargs.max_new_tokens=4; do
      [[ " $* " == *" ${setting%%=*}="* || -n ${DOCUMENT_LONG:-} ]] || short+=("$setting")
    done
    exec "$AIEB_DOCUMENT_BINARY" "$command" "$@" "${short[@]}" ;;
  compare)
    # Runs this short may miss the reading of a sensor, which makes two of them unlike.
    [[ " $* " == *" --run "* || " $* " == *" --force "* ]] || set -- "$@" --force ;;
esac
exec "$AIEB_DOCUMENT_BINARY" "$@"
"""

# Fails when a file or a folder that the arguments name is not there.
DOCKER = r"""#!/usr/bin/env bash
while [ $# -gt 0 ]; do
  case $1 in
    -f) [ -f "$2" ] || { echo "docker: no file $2" >&2; exit 1; }; shift ;;
    -v) [[ $2 == *:/app/* || $2 == *:/workspace ]] || { echo "docker: $2?" >&2; exit 1; }; shift ;;
    configs/*) [ -f "$1" ] || { echo "docker: no file $1" >&2; exit 1; } ;;
  esac
  shift
done
"""


# Reads what is piped into it and succeeds.
NOTHING = "#!/bin/sh\n[ -t 0 ] || cat >/dev/null\n"


@dataclass
class Block:
    document: str  # relative to the repository
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"


def documents() -> list[str]:
    return ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]


def blocks(document: str) -> list[Block]:
    text = (ROOT / document).read_text()
    found = re.finditer(r"^( *)```(\w*)\n(.*?)^\1```$", text, re.DOTALL | re.MULTILINE)
    return [
        Block(document, text.count("\n", 0, m.start()) + 1, m[2], re.sub(f"(?m)^{m[1]}", "", m[3]))
        for m in found
    ]


def commands(block: Block) -> str:
    """What a reader would type."""
    if block.language == "bash":
        return block.text
    return "\n".join(re.findall(r"^\$ (.*)$", block.text, re.MULTILINE))


def shown(block: Block) -> list[str]:
    """The labels of the lines that a console block shows: what stands before the figures. Warnings
    depend on the machine, and so are not compared."""
    table = re.split(r"^ *warnings$", block.text, flags=re.MULTILINE)[0]
    lines = [line for line in table.splitlines() if not line.startswith("$ ")]
    labels = (re.match(r" *(\S.*?)(?: {2}|…|$)", line) for line in lines)
    return [label[1].strip() for label in labels if label and label[1] != "…"]


def write_script(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


@dataclass
class Place:
    folder: Path
    server: str  # HOST:PORT that stands for localhost:8000
    hub: str  # HF_ENDPOINT

    def prepare(self) -> None:
        programs = self.folder / "bin"
        programs.mkdir(parents=True)
        shutil.copytree(ROOT / "configs", self.folder / "configs")
        shutil.copy(ROOT / "run_benchmark.sh", self.folder)
        for name in ("Dockerfile", "Dockerfile.poc", *(p.name for p in ROOT.glob("docker-*.yml"))):
            shutil.copy(ROOT / name, self.folder)
        write_script(programs / "aieb", AIEB)
        for name in STAND_INS:
            path = self.folder / name if name.startswith("./") else programs / name
            write_script(path, DOCKER if name == "docker" else NOTHING)

    def environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if k not in VARIABLES and k != "VIRTUAL_ENV"}
        tree = os.environ.get("AIEB_PYTHON_TREE", str(ROOT / "build" / "dev" / "python"))
        return kept | {
            "PATH": f"{self.folder / 'bin'}:{Path(sys.executable).parent}:{kept['PATH']}",
            "HOME": str(self.folder),
            "AIEB_DOCUMENT_BINARY": str(BINARY),
            "AIEB_VENV": os.environ.get("AIEB_VENV", str(ROOT / ".aieb" / "venv")),
            "AIEB_NO_SETUP": "1",
            "PYTHONPATH": f"{self.folder}:{tree}",
            "VLLM_ENDPOINT": f"http://{self.server}/v1",
            "HF_ENDPOINT": self.hub,
            "HF_HOME": str(self.folder / "hf"),
        }

    def run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=self.folder, env=self.environment(), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    def local(self, text: str) -> str:
        return text.replace("localhost:8000", self.server)

    def bash(self, text: str, keep_going: bool = False) -> subprocess.CompletedProcess[str]:
        options = "-uo" if keep_going else "-euo"
        return self.run(["bash", options, "pipefail", "-c", self.local(text)])

    def python(self, text: str) -> subprocess.CompletedProcess[str]:
        return self.run([sys.executable, "-c", self.local(text)])
