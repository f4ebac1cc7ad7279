"""The versions of tools that are written down twice agree."""

from __future__ import annotations

from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent.parent


def test_the_hooks_use_the_versions_that_the_tests_use() -> None:
    pinned = set((ROOT / "tools" / "requirements-test.txt").read_text().split())
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    wanted = {package for hook in hooks for package in hook.get("additional_dependencies", [])}
    assert wanted and wanted <= pinned, wanted - pinned
