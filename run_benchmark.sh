#!/usr/bin/env bash
# Sets everything up on the first run, then measures.
#
#   ./run_benchmark.sh                                   the quickstart (or $CONFIG_FILE)
#   ./run_benchmark.sh configs/pytorch_test.yaml         a config
#   ./run_benchmark.sh CONFIG scenario.num_samples=5     with overrides
#   ./run_benchmark.sh CONFIG --json results.json        any option of `aieb run` (see --help)
#
# AIEB_NO_SETUP=1 only runs, and never installs or builds.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
binary=$root/build/release/aieb

if [ "${AIEB_NO_SETUP:-0}" != 1 ]; then
  # shellcheck source=tools/setup.sh
  source "$root/tools/setup.sh"
  build_is_fresh release || setup_run
elif [ ! -x "$binary" ]; then
  binary=$(command -v aieb) || {
    echo "error: AIEB_NO_SETUP=1, but neither build/release/aieb nor an installed aieb exists" >&2
    echo "       Run ./run_benchmark.sh once without AIEB_NO_SETUP." >&2
    exit 3
  }
fi

exec "$binary" run "$@"
