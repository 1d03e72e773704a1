"""Whom training tells how far it is."""

from __future__ import annotations

from typing import Protocol

from speechalign.training.checkpoint import Iteration


class Progress(Protocol):
    """Whom training tells how far it is."""

    def prepared(self, done: int, of: int) -> None:
        """So many utterances have been read."""

    def passed(self, done: int, of: int) -> None:
        """So many utterances of the present pass are done."""

    def finished(self, iteration: Iteration) -> None:
        """A pass is done."""

    def warn(self, line: str) -> None:
        """Something that the user should know."""
