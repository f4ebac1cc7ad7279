#!/usr/bin/env bash
# Builds a wheel into dist/ that needs no compiler and no library of this machine to run.
#
#   ./build_wheel.sh                      with the pytorch backend (libtorch itself is not inside:
#                                         it is found in the installed torch 2.11)
#   AIEB_PYTORCH=OFF ./build_wheel.sh     server backends only, smaller and faster to build
#   PYTHON=python3.12 ./build_wheel.sh    for another interpreter; 3.12 and newer share one wheel
#
# The manylinux tag says the oldest glibc that it runs on, which is this distribution's.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$root"
# shellcheck source=tools/setup.sh
source tools/setup.sh

tools_venv=$AIEB_STATE/wheel-venv
if [ "${AIEB_NO_SETUP:-0}" != 1 ]; then
  [ "${AIEB_NO_SYSTEM_PACKAGES:-0}" = 1 ] || install_packages "${RUN_PACKAGES[@]}"
  ensure_rust
fi
if [ ! -x "$tools_venv/bin/auditwheel" ]; then
  "${PYTHON:-python3}" -m venv "$tools_venv"
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
