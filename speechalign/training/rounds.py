"""Rounds: what the training of a network found out."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from speechalign.training.report import Report


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


@dataclass(frozen=True)
class NetworkReport:
    """Report of the training of a network.

    Parameters
    ----------
    utterances, seconds : int, float
        How much was trained on.
    speakers : int
        How many there are.
    left_out : tuple[tuple[str, str], ...]
        Id of each utterance that could not be used, and why.
    rounds : tuple[Round, ...]
        The rounds.
    first_labels : Report or None
        What the training of the HMM-GMM that made the first labels found out about the corpus.
    """

    utterances: int
    seconds: float
    speakers: int
    left_out: tuple[tuple[str, str], ...]
    rounds: tuple[Round, ...]
    first_labels: Report | None = None

    def json(self) -> str:
        """Return everything as JSON."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1) + "\n"

    def text(self) -> str:
        """Return everything as text for people."""
        lines = [round_.text() for round_ in self.rounds]
        if self.first_labels is not None:
            return "\n".join([*lines, "", "the HMM-GMM of the first labels:", "",
                              self.first_labels.text()])  # fmt: skip
        lines.append(f"{self.utterances} utterances, {self.seconds / 60:.1f} minutes, "
                     f"{self.speakers} speakers; {len(self.left_out)} left out")  # fmt: skip
        lines += [f"left out: {utterance}: {reason}" for utterance, reason in self.left_out]
        return "\n".join(lines)
