"""The bias of boundaries between kinds of phones, estimated from corrections, and taken off."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from speechalign.aligners.ctc_boundaries import lasting
from speechalign.aligners.result import AlignedUtterance, TimedWords
from speechalign.alignment import Alignment, Interval
from speechalign.errors import InputError
from speechalign.files.writing import write_text
from speechalign.models import Model
from speechalign.models.content import content_hash
from speechalign.text.phone_kinds import PAUSE, kind_of
from speechalign.text.word import Word

Pair = tuple[str, str]
"""Kinds of the phones before and behind a boundary."""

# A pair's own boundaries count as much as the mean of all once there are so many of them; the mean
# of all, as much as none. What is further off is a mistake, not a bias: seconds.
_PRIOR, _MISTAKE = 20.0, 0.1


@dataclass(frozen=True)
class BoundaryBias:
    """Bias of a model's boundaries, by the kinds of phones around them.

    Parameters
    ----------
    model : str
        Name of the model that they were estimated on.
    seconds : Mapping[Pair, float]
        Of each pair of kinds; negative where too early.
    counts : Mapping[Pair, int]
        How many boundaries each was estimated on.
    overall : float
        Of pairs that were never seen, seconds.
    """

    model: str
    seconds: Mapping[Pair, float] = field(default_factory=dict)
    counts: Mapping[Pair, int] = field(default_factory=dict)
    overall: float = 0.0

    @classmethod
    def of(cls, model: str, corrections: Iterable[tuple[TimedWords, Alignment]]) -> BoundaryBias:
        """Estimate it from corrected utterances.

        Parameters
        ----------
        model : str
            Name of the model that aligned them.
        corrections : Iterable[tuple[TimedWords, Alignment]]
            What was aligned, and its tiers as somebody corrected them. Words count where their
            labels are the same, phones where a word has as many as before.

        Returns
        -------
        BoundaryBias
            Shrunk: with n boundaries of mean m in a pair, N of mean M in all, and k = 20, the bias
            of all is b = N M / (N + k), and that of the pair (n m + k b) / (n + k).
        """
        late: dict[Pair, list[float]] = defaultdict(list)
        for aligned, corrected in corrections:
            for pair, before, after in _moved(aligned, corrected):
                late[pair].append(float(np.clip(before - after, -_MISTAKE, _MISTAKE)))
        everything = [value for values in late.values() for value in values]
        overall = sum(everything) / (len(everything) + _PRIOR)
        seconds = {
            pair: (sum(values) + _PRIOR * overall) / (len(values) + _PRIOR)
            for pair, values in sorted(late.items())
        }
        return cls(model, seconds, {pair: len(late[pair]) for pair in seconds}, overall)

    @property
    def content_hash(self) -> str:
        """Hash of all that times depend on."""
        return content_hash(self.overall, sorted(self.seconds.items()))

    def taken_off(self, result: AlignedUtterance) -> AlignedUtterance:
        """Return a result with the bias taken off each boundary."""
        parts = [part for word in _in_time(result) for part in word.parts]
        times = np.array([(part.start, part.end) for part in parts])
        for i, part in enumerate(parts):
            before = parts[i - 1] if i else None
            after = parts[i + 1] if i + 1 < len(parts) else None
            times[i, 0] -= self._of(_pair(before, part, part.start))
            times[i, 1] -= self._of(_pair(part, after, part.end))
        return result.retimed(lasting(times, result.duration))

    def _of(self, pair: Pair) -> float:
        return self.seconds.get(pair, self.overall)

    def check(self, model: Model) -> None:
        """Raise InputError where it was estimated on another model."""
        if model.name != self.model:
            raise InputError(
                f"corrections: were made on {self.model!r}, not on {model.name!r}; correct some "
                "results of that one, and save them with `speechalign compare OUT --edited`"
            )

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        rows = [
            {"before": a, "after": b, "seconds": s, "boundaries": self.counts[a, b]}
            for (a, b), s in self.seconds.items()
        ]
        content = {"model": self.model, "overall": self.overall, "pairs": rows}
        write_text(path, json.dumps(content, ensure_ascii=False, indent=1) + "\n")


def read_boundary_bias(path: str | Path) -> BoundaryBias:
    """Read what `BoundaryBias.write` wrote.

    Raises
    ------
    InputError
        There is no such file, or it is something else.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        rows = {(str(r["before"]), str(r["after"])): r for r in content["pairs"]}
        found = BoundaryBias(
            str(content["model"]),
            {pair: float(row["seconds"]) for pair, row in rows.items()},
            {pair: int(row["boundaries"]) for pair, row in rows.items()},
            float(content["overall"]),
        )
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InputError(
            f"{path}: expected what `speechalign compare OUT --edited --save-corrections` writes"
        ) from None
    for value in (found.overall, *found.seconds.values()):
        if not (math.isfinite(value) and abs(value) <= _MISTAKE):
            raise InputError(f"{path}: expected at most {_MISTAKE} s, got {value}")
    return found


def _pair(before: Interval | None, after: Interval | None, time: float) -> Pair:
    """Return the kinds around a boundary at a time: a pause where a neighbour is not there."""
    left = before is not None and before.end == time
    right = after is not None and after.start == time
    return (
        kind_of(before.label, last=True) if before is not None and left else PAUSE,
        kind_of(after.label, last=False) if after is not None and right else PAUSE,
    )


def _in_time(result: TimedWords) -> list[Word]:
    return sorted(result.said, key=lambda word: word.start)


def _moved(aligned: TimedWords, corrected: Alignment) -> Iterable[tuple[Pair, float, float]]:
    """Yield the kinds around each boundary, where it was, and where it is."""
    words = _in_time(aligned)
    spans = corrected.tiers["words"]
    if [word.label for word in words] != [span.label for span in spans]:
        return
    parts = [part for word in words for part in word.parts]
    number = 0
    for word, span in zip(words, spans):
        own = _inside(corrected.tiers.get(aligned.unit, ()), span)
        known = len(own) == len(word.parts)
        for i, part in enumerate(word.parts):
            before = parts[number - 1] if number else None
            after = parts[number + 1] if number + 1 < len(parts) else None
            if known or i == 0:
                start = span.start if i == 0 else own[i].start
                yield _pair(before, part, part.start), part.start, start
            if known or i == len(word.parts) - 1:
                end = span.end if i == len(word.parts) - 1 else own[i].end
                yield _pair(part, after, part.end), part.end, end
            number += 1


def _inside(tier: Sequence[Interval], span: Interval) -> list[Interval]:
    return [i for i in tier if span.start <= (i.start + i.end) / 2 < span.end]
