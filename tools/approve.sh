#!/usr/bin/env bash
# Takes over the outputs that differ from tests/approved after a test run, showing each difference.
#   tools/approve.sh [PRESET]      (default: dev)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
received=build/${1:-dev}/received
[ -d "$received" ] || { echo "nothing to approve: $received does not exist" >&2; exit 1; }
find "$received" -type f | sort | while read -r file; do
  target=tests/approved/${file#"$received"/}
  mkdir -p "$(dirname "$target")"
  diff -u "$target" "$file" 2>/dev/null || true
  mv "$file" "$target"
  echo "approved $target"
done
