"""The progress bar of a corpus, and a line on stderr for every utterance that wants a look."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress

from speechalign.pipeline.result import Status, UtteranceResult


class Progress:
    """A bar with utterances done, speed and remaining time; invisible where stderr is no terminal.

    Parameters
    ----------
    total : int
        Utterances to come.
    """

    def __init__(self, total: int) -> None:
        self._console = Console(stderr=True)
        self._bar = RichProgress(
            TextColumn("aligning"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[speed]}"),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("aligning", total=total, speed="")
        self._seconds = 0.0
        self._began = time.monotonic()

    def __enter__(self) -> Progress:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def advance(self, results: Sequence[UtteranceResult]) -> None:
        """Count the utterances of one recording, and tell of those that were not aligned."""
        for result in results:
            if result.end is not None and not result.kept:
                self._seconds += result.end - result.start
            if result.status is not Status.ALIGNED:
                # A traceback is in the manifest; its last line says what went wrong.
                reason = (result.reason or "").strip().split("\n")[-1]
                line = f"{result.status.value}: {result.utterance}: {reason}"
                if self._console.is_terminal:
                    self._console.print(
                        line, markup=False, highlight=False, emoji=False, soft_wrap=True
                    )
                else:
                    print(line, file=sys.stderr, flush=True)
        speed = self._seconds / max(time.monotonic() - self._began, 1e-9)
        self._bar.update(self._task, advance=len(results), speed=f"{speed:.0f} x real time")
