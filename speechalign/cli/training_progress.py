"""Progress of training on stderr."""

from __future__ import annotations

import click
from rich.console import Console
from rich.progress import Progress as Bar

from speechalign.training import Iteration, Progress


class TrainingProgress(Progress):
    """Lines on stderr: what was left out, and each pass; a bar too where it is a terminal."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._bar = Bar(console=console, disable=not console.is_terminal, transient=True)
        self._task = self._bar.add_task("reading")
        self._bar.start()

    def close(self) -> None:
        """Remove the bar."""
        self._bar.stop()

    def prepared(self, done: int, of: int) -> None:
        """Show that so many utterances have been read."""
        self._bar.update(self._task, completed=done, total=of, description="reading")

    def passed(self, done: int, of: int) -> None:
        """Show that so many utterances of the present pass are done."""
        self._bar.update(self._task, completed=done, total=of, description="training")

    def finished(self, iteration: Iteration) -> None:
        """Print a line for a pass."""
        click.echo(
            f"pass {iteration.number} of {iteration.of}: Gaussians {iteration.gaussians}, "
            f"utterances {iteration.utterances}, log-likelihood {iteration.log_likelihood:.4f} per "
            f"frame, frames re-aligned {100 * iteration.moved / iteration.frames:.2f} %",
            err=True,
        )

    def warn(self, line: str) -> None:
        """Print a line for something that the user should know."""
        click.echo(f"warning: {line}", err=True)
