"""The progress bar of all long work: redrawn in place on a terminal, one line a while in a file or a pipe."""

import sys
from collections.abc import Callable
from typing import Any

from tqdm import tqdm

SECONDS = 30.0
"""Least time between two lines where standard error is not a terminal."""


class _Lines(tqdm):
    """A bar whose states are lines, for logs of cron and containers."""

    monitor_interval = 0  # no thread that redraws it
    disable: bool = True  # until it is set up

    @staticmethod
    def status_printer(file: Any) -> Callable[[str], None]:
        """Return what writes a state; tqdm erases a bar by an empty one."""

        def write(state: str) -> None:
            if state.strip():
                file.write(f"{state}\n")
                file.flush()

        return write

    def set_postfix(self, *pairs: Any, refresh: bool = True, **more: Any) -> None:
        """Keep what stands behind the next line, without a line of its own."""
        super().set_postfix(*pairs, refresh=False, **more)

    def moveto(self, n: int) -> None:
        """Leave the cursor where it is."""

    def __del__(self) -> None:
        """Write nothing: Ctrl-C may have come before the bar was whole."""

    def close(self) -> None:
        """Write the last line."""
        if not self.disable:
            self.display()
            self.disable = True
            self._decr_instances(self)


def progress_bar(*sources: Any, **options: Any) -> tqdm:
    """Return a progress bar on standard error, with rate and time left.

    Parameters
    ----------
    sources, options
        As for `tqdm.tqdm`, with `total`. Where standard error is not a terminal, there are lines instead: one
        at the beginning, one at the end, and at most one every `SECONDS` between them.
    """
    if sys.stderr.isatty():
        return tqdm(*sources, **options)
    lines = {
        "mininterval": SECONDS,
        "maxinterval": SECONDS,
        "miniters": 1,
        "delay": 0,
        "bar_format": "{desc}: {n_fmt}/{total_fmt} [{elapsed}, left {remaining}, {rate_fmt}{postfix}]",
    }
    return _Lines(*sources, **{**options, **lines})
