"""Rounds of the training of a network: labels, then steps on them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Round:
    """One round: labels by the model of the round before, and a network trained on them.

    Parameters
    ----------
    number, of : int
        Which round of how many, from 1.
    steps : int
        How many batches the network was trained on.
    loss : float or None
        Mean cross-entropy of the last tenth of them, nats a frame; None where an earlier run had
        finished the round.
    relabelled : float or None
        Share of frames whose label is not that of the round before; None in the first.
    accuracy, corrupted_accuracy : float or None
        Share of frames of held-out recordings, and of their corrupted copies, whose most probable
        phone is their label; None where none are held out.
    kept : int or None
        Step whose weights were kept, as held-out recordings were likeliest then; 0 for those of the
        beginning, None for those of the last step.
    """

    number: int
    of: int
    steps: int
    loss: float | None
    relabelled: float | None
    accuracy: float | None
    corrupted_accuracy: float | None
    kept: int | None = None

    def text(self) -> str:
        """Return a line for people."""
        parts = [f"round {self.number} of {self.of}: steps {self.steps}"]
        if self.kept is not None:
            parts.append(f"weights of step {self.kept} kept")
        if self.loss is not None:
            parts.append(f"loss {self.loss:.3f}")
        for what, share in (
            ("frames relabelled", self.relabelled),
            ("frames right on held-out recordings", self.accuracy),
            ("on their corrupted copies", self.corrupted_accuracy),
        ):
            if share is not None:
                parts.append(f"{what} {100 * share:.1f} %")
        return ", ".join(parts)
