"""Progress callbacks of training."""

from __future__ import annotations

import warnings

from speechalign.training.checkpoint import Iteration
from speechalign.training.rounds import Round


class Progress:
    """Callbacks of training: override those that you want.

    By default, `warn` issues a Python warning, and the others do nothing.

    Examples
    --------
    >>> class Likelihoods(Progress):
    ...     def finished(self, iteration):
    ...         print(iteration.number, iteration.log_likelihood)
    """

    def prepared(self, done: int, of: int) -> None:
        """Report that ``done`` of the utterances have been read."""

    def passed(self, done: int, of: int) -> None:
        """Report that ``done`` utterances of the present pass are finished."""

    def finished(self, iteration: Iteration) -> None:
        """Report the figures of a pass that is finished."""

    def encoded(self, done: int, of: int) -> None:
        """Report that features of ``done`` recordings and copies have been computed."""

    def stepped(self, step: int, of: int, loss: float) -> None:
        """Report a step of the training of a network, counted from 1, and its loss."""

    def learnt(self, round_: Round) -> None:
        """Report the figures of a round of the training of a network that is finished."""

    def warn(self, line: str) -> None:
        """Report something that the user should know."""
        warnings.warn(line, stacklevel=2)
