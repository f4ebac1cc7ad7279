#!/usr/bin/env python3
"""Builds an image of this repository as a plain folder, and runs it, without Docker.

Every step of the Dockerfile is executed as Docker would, in a root file system that debootstrap
makes: Debian 12 with its own Python in place of python:VERSION-slim-bookworm, which is the same
distribution with another Python. Needs root (for chroot and mounts in a namespace of their own).

    try_in_chroot.py Dockerfile.poc --work /var/tmp/image
    try_in_chroot.py Dockerfile --work /var/tmp/image --build-arg TORCH=cpu \\
        --env BENCHMARK_MODEL=gpt2 --run            # the image's CMD, on the host's network
    try_in_chroot.py Dockerfile --work /var/tmp/image --keep build --keep 1 --run aieb doctor
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import dockerfile

ROOT = Path(__file__).resolve().parent.parent.parent
BASE_PACKAGES = "python3,python3-venv,ca-certificates"
MIRROR = "http://deb.debian.org/debian"
# As in the official image; the security suite has the Rust that is recent enough.
SOURCES = f"""\
deb {MIRROR} bookworm main
deb {MIRROR} bookworm-updates main
deb {MIRROR}-security bookworm-security main
"""
PATHS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CA_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"

# Root, folder and user; pairs of SOURCE and TARGET to mount; "--"; then what to run in the root.
IN_ROOT = r"""
root=$1; directory=$2; user=$3; shift 3
mount --rbind /dev "$root/dev"; mount -t proc proc "$root/proc"; mount -t sysfs -o ro sys "$root/sys"
while [ "$1" != -- ]; do
  [ -d "$1" ] || { mkdir -p "$(dirname "$root$2")"; touch "$root$2"; }
  [ ! -d "$1" ] || mkdir -p "$root$2"
  mount --bind "$1" "$root$2"; shift 2
done
shift
exec chroot --userspec="$user" "$root" /usr/bin/env -i sh -c 'cd "$1" && shift && exec env "$@"' sh "$directory" "$@"
"""


@dataclass
class Image:
    """A stage under construction, and at last the image."""

    root: Path
    environment: dict[str, str] = field(default_factory=lambda: {"PATH": PATHS, "HOME": "/root"})
    arguments: dict[str, str] = field(default_factory=dict)
    shell: list[str] = field(default_factory=lambda: ["/bin/sh", "-c"])
    directory: str = "/"
    user: str = "0:0"
    command: list[str] = field(default_factory=list)

    def path(self, inside: str) -> Path:
        return self.root / (Path(self.directory) / inside).relative_to("/")


@dataclass
class Builder:
    context: Path
    work: Path
    given: dict[str, str]
    kept: list[str] = field(default_factory=list)  # stages that an earlier call built
    settings: dict[str, str] = field(default_factory=dict)  # further variables of RUN steps
    volumes: list[tuple[Path, str]] = field(default_factory=list)  # and mounts
    images: dict[str, Image] = field(default_factory=dict)

    def base(self) -> Path:
        """A clean Debian 12 with Python, made once."""
        base = self.work / "base"
        if not (base / "usr/bin/python3").exists():
            say("debootstrap")
            options = ["--variant=minbase", f"--include={BASE_PACKAGES}"]
            run(["debootstrap", *options, "bookworm", str(base), MIRROR])
            (base / "etc/apt/sources.list").write_text(SOURCES)
            # As in Docker's own images: what a cut-off build left is thrown away anyway.
            (base / "etc/dpkg/dpkg.cfg.d/unsafe-io").write_text("force-unsafe-io\n")
        return base

    def build(self, file: Path) -> Image:
        stages = dockerfile.stages(dockerfile.parse(file.read_text()), self.given)
        base = self.base()
        for stage in stages:
            image = Image(self.work / file.name / stage.name)
            if stage.name not in self.kept:
                shutil.rmtree(image.root, ignore_errors=True)
                image.root.parent.mkdir(parents=True, exist_ok=True)
                run(["cp", "-a", "--reflink=auto", str(base), str(image.root)])
            self.images[stage.name] = image
            for step in stage.steps:
                self.follow(image, step)
        return image

    def follow(self, image: Image, step: dockerfile.Step) -> None:
        if image.root.name in self.kept and step.keyword in ("COPY", "RUN"):
            return
        say(f"{image.root.name}:{step.line} {step.keyword} {step.text}")
        getattr(self, step.keyword.lower())(image, step)

    def arg(self, image: Image, step: dockerfile.Step) -> None:
        image.arguments.update([dockerfile.argument(step, self.given)])

    def env(self, image: Image, step: dockerfile.Step) -> None:
        known = image.environment | image.arguments
        for word in step.words():
            name, _, value = word.partition("=")
            image.environment[name] = dockerfile.expand(value, known)

    def shell(self, image: Image, step: dockerfile.Step) -> None:
        image.shell = step.words()

    def user(self, image: Image, step: dockerfile.Step) -> None:
        image.user = step.text

    def cmd(self, image: Image, step: dockerfile.Step) -> None:
        image.command = step.words()

    def workdir(self, image: Image, step: dockerfile.Step) -> None:
        image.directory = step.text
        image.path(".").mkdir(parents=True, exist_ok=True)

    def copy(self, image: Image, step: dockerfile.Step) -> None:
        *sources, target = step.words()
        files = dockerfile.context_files(self.context)
        for source in sources:
            copied = [name for name in files if dockerfile.names(source, name)]
            assert copied, f"COPY {source}: nothing there"
            for name in copied:
                inside = dockerfile.copied_to(source, name, target)
                copy_file(self.context / name, image.path(inside))

    def run(self, image: Image, step: dockerfile.Step) -> None:
        mounts = [self.mount(flag.removeprefix("mount=")) for flag in step.flags]
        values = image.environment | image.arguments | self.settings
        result = enter(image, [*image.shell, step.text], mounts + self.volumes, values)
        if result != 0:
            sys.exit(f"error: line {step.line} failed with exit code {result}")

    def mount(self, text: str) -> tuple[Path, str]:
        options = dict(part.split("=", 1) for part in text.split(","))
        if options["type"] == "bind":
            stage = self.images[options["from"]]
            return stage.root / options["source"].lstrip("/"), options["target"]
        assert options["type"] == "cache", text
        folder = self.work / "cache" / options["target"].replace("/", "_")
        folder.mkdir(parents=True, exist_ok=True)
        return folder, options["target"]


def say(text: str) -> None:
    print(f"==> {text}", file=sys.stderr, flush=True)


def run(command: list[str]) -> None:
    subprocess.run(command, check=True)


def copy_file(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)


def enter(
    image: Image, command: list[str], mounts: list[tuple[Path, str]], environment: dict[str, str]
) -> int:
    """Runs `command` in the image, on the host's network and with its certificates; its exit code."""
    shutil.copy("/etc/resolv.conf", image.root / "etc/resolv.conf")
    pairs = [str(word) for pair in [*mounts, (Path(CA_BUNDLE), CA_BUNDLE)] for word in pair]
    settings = [f"{name}={value}" for name, value in environment.items()]
    arguments = [str(image.root), image.directory, image.user, *pairs, "--", *settings, *command]
    namespace = ["unshare", "--mount", "--propagation", "private", "--"]
    return subprocess.run([*namespace, "sh", "-euc", IN_ROOT, "sh", *arguments]).returncode


def size_mb(folder: Path) -> int:
    output = subprocess.run(["du", "-sxm", str(folder)], capture_output=True, text=True, check=True)
    return int(output.stdout.split()[0])


def pairs(words: list[str]) -> dict[str, str]:
    return dict(word.split("=", 1) for word in words)


def mounts(words: list[str]) -> list[tuple[Path, str]]:
    return [(Path(a).resolve(), b) for a, b in (word.split(":") for word in words)]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("file", type=Path, help="the Dockerfile")
    parser.add_argument("--work", type=Path, required=True, help="folder for the file systems")
    parser.add_argument("--context", type=Path, default=ROOT)
    parser.add_argument("--build-arg", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--env", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--volume", action="append", default=[], metavar="FOLDER:PATH")
    parser.add_argument("--user", help="in place of the image's")
    parser.add_argument(
        "--keep", action="append", default=[], metavar="STAGE", help="as an earlier call built it"
    )
    parser.add_argument("--build-env", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--build-volume", action="append", default=[], metavar="FOLDER:PATH")
    parser.add_argument("--run", nargs="*", help="then run this command, or the image's own")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    builder = Builder(
        options.context,
        options.work.resolve(),
        pairs(options.build_arg),
        options.keep,
        pairs(options.build_env),
        mounts(options.build_volume),
    )
    image = builder.build(options.file)
    print(
        f"{options.file}: {size_mb(image.root)} MB, of which the base is {size_mb(builder.base())}"
    )
    if options.run is None:
        return 0
    image.user = options.user or image.user
    settings = image.environment | pairs(options.env)
    return enter(image, options.run or image.command, mounts(options.volume), settings)


if __name__ == "__main__":
    sys.exit(main())
