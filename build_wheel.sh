#!/usr/bin/env bash
# Builds a wheel into dist/ that needs no compiler and no library of this machine to run.
#
#   ./build_wheel.sh                      with the pytorch backend (libtorch itself is not inside:
#                                         it is found in the installed torch 2.11)
#   AIEB_PYTORCH=OFF ./build_wheel.sh     server backends only, smaller and faster to build
#   PYTHON=python3.12 ./build_wheel.sh    for another interpreter; 3.12 and newer share one wheel
#
# Compilers, libraries and Rust come from the distribution, as for ./run_benchmark.sh
# (AIEB_NO_SETUP=1 forbids it). The manylinux tag says the oldest glibc that the wheel runs on.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$root"
# shellcheck source=tools/setup.sh
source tools/setup.sh

python=${PYTHON:-python3}
command -v "$python" >/dev/null || fail "PYTHON=$python: there is no such interpreter"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
  fail "the package needs Python 3.10 or newer; $python is $("$python" --version 2>&1)"
[ "${AIEB_NO_SETUP:-0}" = 1 ] || setup_wheel "$python"
find_rust || true # Rust where rustup or the distribution put it, for CMake

# One environment for each version: the wheel is for the interpreter that builds it.
tools_venv=$AIEB_STATE/wheel-venv/$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
if [ ! -x "$tools_venv/bin/auditwheel" ]; then
  "$python" -m venv "$tools_venv"
  "$tools_venv/bin/pip" install --quiet --disable-pip-version-check -r tools/requirements-wheel.txt
fi

built=$(mktemp -d)
trap 'rm -rf "$built"' EXIT
say "Building the wheel (about 10 minutes on 2 cores the first time)"
"$tools_venv/bin/python" -m pip wheel --disable-pip-version-check --no-deps --wheel-dir "$built" .

say "Putting the libraries it needs inside"
# torch's libraries are not on the list: the plug-in finds them in the installed torch.
PATH=$tools_venv/bin:$PATH "$tools_venv/bin/auditwheel" repair --strip --wheel-dir dist \
  --exclude 'libtorch*' --exclude 'libc10*' --exclude 'libcud*' --exclude 'libcupti*' "$built"/*.whl
ls -l dist >&2
