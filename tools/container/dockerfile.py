"""Reads the part of the Dockerfile language that the project's own Dockerfiles use."""

from __future__ import annotations

import fnmatch
import json
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

KEYWORDS = ("ARG", "CMD", "COPY", "ENV", "FROM", "RUN", "SHELL", "USER", "WORKDIR")


@dataclass
class Step:
    keyword: str
    text: str  # what follows the keyword and its flags
    flags: list[str] = field(default_factory=list)  # "--mount=…" without the dashes
    line: int = 0

    def words(self) -> list[str]:
        """The JSON form, or the words of a shell."""
        return json.loads(self.text) if self.text.startswith("[") else shlex.split(self.text)


@dataclass
class Stage:
    base: str
    name: str
    steps: list[Step]


def parse(text: str) -> list[Step]:
    """The steps of a Dockerfile. Raises ValueError for what this reader does not know."""
    steps = []
    for match in re.finditer(r"^(?!#)(?:[^\n]*\\\n)*[^\n]*\S[^\n]*$", text, re.MULTILINE):
        keyword, _, rest = re.sub(r"\\\n(?:[ \t]*#[^\n]*\n)*", "", match.group()).partition(" ")
        line = text.count("\n", 0, match.start()) + 1
        if keyword not in KEYWORDS:
            raise ValueError(f"line {line}: {keyword} is not understood here")
        flags = []
        rest = rest.strip()
        while flag := re.match(r"--(\S+)\s+", rest):
            flags.append(flag[1])
            rest = rest[flag.end() :]
        steps.append(Step(keyword, rest, flags, line))
    return steps


def stages(steps: list[Step], arguments: dict[str, str]) -> list[Stage]:
    """The stages, with the build arguments put into their FROM lines."""
    values: dict[str, str] = {}
    result: list[Stage] = []
    for step in steps:
        if step.keyword == "FROM":
            words = expand(step.text, values).split()
            name = words[2] if len(words) == 3 else str(len(result))
            result.append(Stage(words[0], name, []))
        elif result:
            result[-1].steps.append(step)
        else:  # only ARG may stand before the first FROM
            values.update([argument(step, arguments)])
    return result


def argument(step: Step, given: dict[str, str]) -> tuple[str, str]:
    """Name and value of an ARG line."""
    name, _, default = step.text.partition("=")
    return name, given.get(name, default)


def expand(text: str, values: dict[str, str]) -> str:
    """$NAME and ${NAME}."""
    return re.sub(
        r"\$(?:\{(\w+)\}|(\w+))", lambda match: values.get(match[1] or match[2], ""), text
    )


class Ignored:
    """What .dockerignore keeps out of the context."""

    def __init__(self, text: str) -> None:
        lines = (line.strip() for line in text.splitlines())
        self.patterns = [line for line in lines if line and not line.startswith("#")]

    def __call__(self, path: str) -> bool:
        """Whether `path`, relative to the context, or a folder above it is ignored."""
        parts = Path(path).parts
        return any(self._matches("/".join(parts[:n])) for n in range(1, len(parts) + 1))

    def _matches(self, path: str) -> bool:
        for pattern in self.patterns:
            if pattern.startswith("**/"):
                if fnmatch.fnmatchcase(Path(path).name, pattern[3:]):
                    return True
            elif pattern.count("/") == path.count("/") and fnmatch.fnmatchcase(path, pattern):
                return True
        return False


def context_files(root: Path) -> list[str]:
    """The files of the build context, relative to `root`."""
    ignored = Ignored((root / ".dockerignore").read_text())
    files: list[str] = []
    folders = [root]
    while folders:
        for entry in sorted(folders.pop().iterdir()):
            path = entry.relative_to(root).as_posix()
            if ignored(path):
                continue
            if entry.is_dir() and not entry.is_symlink():
                folders.append(entry)
            else:
                files.append(path)
    return sorted(files)


def names(source: str, file: str) -> bool:
    """Whether the source of a COPY names `file`, or a folder above it."""
    parts = Path(file).parts
    above = ("/".join(parts[:n]) for n in range(1, len(parts) + 1))
    return source == "." or any(fnmatch.fnmatchcase(path, source) for path in above)


def copied_to(source: str, file: str, target: str) -> str:
    """Where COPY puts `file`: the contents of folders, files by their name into folders."""
    if source == "." or file.startswith(source + "/"):
        return f"{target}/{Path(file).relative_to(source)}"
    return target + Path(file).name if target.endswith("/") else target
