"""How a run shows that it goes on."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

ProgressCallback = Callable[[dict[str, Any]], None]


class ProgressBar:
    """A bar of tqdm: in notebooks a widget, on a terminal a line."""

    def __init__(self, tqdm: Any) -> None:
        self._tqdm = tqdm
        self._bar: Any = None
        self._phase = ""

    def __call__(self, progress: dict[str, Any]) -> None:
        if progress["phase"] != self._phase:
            self.close()
            self._phase = progress["phase"]
            self._bar = self._tqdm(
                total=progress["prompts_total"] or None, desc=self._phase, unit="prompt"
            )
        self._bar.n = progress["prompts_done"] + progress["prompts_failed"]
        facts = {"tok/s": progress["tokens_per_s"], "W": progress["watts"]}
        shown = {name: f"{value:.1f}" for name, value in facts.items() if value is not None}
        self._bar.set_postfix(shown, refresh=False)
        self._bar.refresh()

    def close(self) -> None:
        """Ends the bar."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def choose_progress(wanted: bool | ProgressCallback | None) -> ProgressCallback | None:
    """The callback for `progress=`: None means a bar where somebody can see it."""
    if callable(wanted):
        return wanted
    visible = sys.stderr.isatty() or "ipykernel" in sys.modules
    if wanted is False or (wanted is None and not visible):
        return None
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return None
    return ProgressBar(tqdm)
