"""The progress bar of a command, and what it reports of a corpus while it works."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from speechalign.cli.messages import is_quiet, log, print_on
from speechalign.pipeline.result import Status, UtteranceResult
from speechalign.training import Iteration, Progress, Round

_INTERVAL = 30.0  # seconds between two lines about one utterance


class ProgressBar:
    """A bar on stderr; invisible where that is no terminal, and with ``--quiet``.

    Parameters
    ----------
    activity : str
        What is done: the label of the bar.
    total : int, optional
        Number of utterances or files to come (default: not known yet).
    """

    def __init__(self, activity: str, total: int | None = None) -> None:
        self._console = console = Console(stderr=True)
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            TimeRemainingColumn(),
            console=console,
            disable=is_quiet() or not console.is_terminal,
            transient=True,
        )
        self._task = self._bar.add_task(activity, total=total, note="")

    def __enter__(self) -> ProgressBar:
        if not self._bar.disable:
            print_on(self._console)
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()
        print_on(None)

    @property
    def visible(self) -> bool:
        """Return whether there is a bar to be seen."""
        return not self._bar.disable

    def move(self, done: float, *, note: str) -> None:
        """Say how many utterances are done; a fraction for the one in progress."""
        self._bar.update(self._task, completed=done, note=note)

    def advance(self, count: int = 1, *, note: str = "") -> None:
        """Add to the number of utterances or files that are done."""
        self._bar.update(self._task, advance=count, note=note)

    def show(self, activity: str, done: int, total: int) -> None:
        """Show another activity, or how far it is."""
        self._bar.update(self._task, description=activity, completed=done, total=total)


class AlignmentProgress:
    """The bar's speed, and a line for each utterance that is not simply aligned.

    Parameters
    ----------
    bar : ProgressBar
        A bar of so many utterances.
    """

    def __init__(self, bar: ProgressBar) -> None:
        self._bar = bar
        self._seconds = 0.0
        self._began = time.monotonic()
        self._done = 0
        self._shares: dict[str, float] = {}
        self._told: dict[str, tuple[str, float]] = {}

    def __call__(self, results: Sequence[UtteranceResult]) -> None:
        """Count the utterances of a recording."""
        for result in results:
            if result.end is not None and not result.kept:
                self._seconds += result.end - result.start
            if result.status is Status.ALIGNED:
                confidence = "" if result.confidence is None else f"{result.confidence:.2f}"
                log.debug("aligned: %s: confidence %s", result.utterance, confidence)
            else:
                # A traceback is in the manifest; its last line says what went wrong.
                reason = (result.reason or "").strip().split("\n")[-1]
                log.warning("%s: %s: %s", result.status.value, result.utterance, reason)
            self._shares.pop(result.utterance, None)
        speed = self._seconds / max(time.monotonic() - self._began, 1e-9)
        self._done += len(results)
        self._move(f"{speed:.0f} x real time")

    def step(self, utterance: str, activity: str, done: float) -> None:
        """Move the bar within a long utterance; without a bar, print each step, and twice a minute.

        Parameters
        ----------
        utterance : str
            Its id.
        activity : str
            What is done with it now.
        done : float
            Share of its work that is done, from 0 to 1.
        """
        self._shares[utterance] = done
        self._move(f"{utterance}: {activity}")
        now = time.monotonic()
        before, when = self._told.get(utterance, ("", now))
        if not self._bar.visible and (activity != before or now - when >= _INTERVAL):
            log.info("%s: %s, %.0f %% done", utterance, activity, 100 * done)
            self._told[utterance] = activity, now

    def _move(self, note: str) -> None:
        self._bar.move(self._done + sum(tuple(self._shares.values())), note=note)


class TrainingProgress(Progress):
    """The bar's passes, and a line for each of them.

    Parameters
    ----------
    bar : ProgressBar
        A bar of unknown length.
    """

    def __init__(self, bar: ProgressBar) -> None:
        self._bar = bar

    def prepared(self, done: int, of: int) -> None:
        """Show how many utterances have been read."""
        self._bar.show("reading", done, of)

    def passed(self, done: int, of: int) -> None:
        """Show how many utterances of the present pass are done."""
        self._bar.show("training", done, of)

    def finished(self, iteration: Iteration) -> None:
        """Print a line for a pass."""
        log.info(
            "pass %d of %d: Gaussians %d, utterances %d, log-likelihood %.4f per frame, frames "
            "re-aligned %.2f %%",
            iteration.number,
            iteration.of,
            iteration.gaussians,
            iteration.utterances,
            iteration.log_likelihood,
            100 * iteration.moved / iteration.frames,
        )

    def encoded(self, done: int, of: int) -> None:
        """Show how many recordings and copies have been encoded."""
        self._bar.show("encoding", done, of)

    def stepped(self, step: int, of: int, loss: float) -> None:  # noqa: ARG002
        """Show how many steps of the present round are done."""
        self._bar.show("training the network", step, of)

    def learnt(self, round_: Round) -> None:
        """Print a line for a round."""
        log.info("%s", round_.text())

    def warn(self, line: str) -> None:
        """Print a warning."""
        log.warning("warning: %s", line)
