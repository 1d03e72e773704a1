"""Report of the training of a network: its rounds, and what it was trained on."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from speechalign.training.report import Report
from speechalign.training.rounds import Round


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
