"""Judgement of an utterance, by its mean confidence, each word, and the pauses."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, pairwise

from speechalign.aligners.result import TimedWords
from speechalign.pipeline.result import Status
from speechalign.text.word import Word

DOUBTFUL = 0.5
"""Below this mean confidence the audio sounds as much like other words as like the transcript."""

# Chosen on read and synthetic speech, with and without noise, music, silence and other speech put
# into it (tools/bench/stretched.py). Seconds that one phone or letter lasts at most; a token of a
# decoder lasts until the next one, pauses included, and any sound may be a long word.
_LONGEST = 1.25
_LONGEST_TOKEN = 3.0
_LONGEST_PAUSE = 1.0  # inside a word
_LONG_UNHEARD = 0.3  # in a word that was hardly heard, one phone
_UNHEARD = 0.05  # confidence of a word that is not where it should be ...
_APART = 1.0  # ... if there is such a pause beside it, seconds
_HARDLY = 0.15  # confidence that no word in a row of words reaches ...
_ROW = 1.0  # ... which lasts longer than this, seconds, ...
_ROW_WORDS = 3  # ... or has so many: words that nobody says take little time


def judge(result: TimedWords) -> tuple[Status, str | None]:
    """Return the status of an utterance that was aligned, and why it is doubtful if it is.

    Parameters
    ----------
    result : TimedWords
        With a confidence.

    Notes
    -----
    The mean weighs words by their duration, so that one word that is stretched over noise or music
    hides all others; and such a word may fit the noise well. So an utterance is doubtful as well
    if a phone of it lasts longer than 1.25 s, if there is a pause of more than a second inside a
    word, if a word was hardly heard, with a confidence below 0.05, and a phone of it lasts longer
    than 0.3 s or it stands apart from a neighbour by more than a second, or if words in a row have
    confidences below 0.15 and are three or more, or last longer than a second: something else is
    said there, or nothing is, and a sentence that the audio lacks takes little time. Notes such as
    ``[laughter]`` may take any time. Last, a pause may sound like speech (`PauseJudge`).
    """
    confidence, words, unit = result.confidence, result.said, result.unit
    assert confidence is not None
    if confidence < DOUBTFUL:
        shown = min(confidence, DOUBTFUL - 0.01)  # 0.4981 is not shown as 0.50
        return Status.DOUBTFUL, (
            f"confidence {shown:.2f} is below {DOUBTFUL}: the audio does not sound like the "
            "transcript; listen to it"
        )
    for number, word in enumerate(words):
        if word.source == "noise":
            continue
        pause = max((b.start - a.end for a, b in pairwise(word.parts)), default=0.0)
        unheard = word.confidence is not None and word.confidence < _UNHEARD
        limit = _LONG_UNHEARD if unheard and unit == "phones" else _LONGEST
        if unit == "tokens" or word.source == "unknown":
            limit = _LONGEST_TOKEN
        if max(part.duration for part in word.parts) > limit or pause > _LONGEST_PAUSE:
            return Status.DOUBTFUL, (
                f"{word.label!r} is stretched from {word.start:.2f} to {word.end:.2f} s: there may "
                "be noise, music or silence, or speech that the transcript lacks; listen to it"
            )
        around = words[max(0, number - 1) : number + 2]
        apart = max((b.start - a.end for a, b in pairwise(around)), default=0.0)
        if unheard and apart > _APART:
            return Status.DOUBTFUL, (
                f"{word.label!r} at {word.start:.2f} s was hardly heard (confidence "
                f"{word.confidence:.2f}), {apart:.1f} s apart from the words around: the "
                "transcript may lack speech; listen to it"
            )
    row = _unheard_row(words)
    if row:
        text = " ".join(word.label for word in row)
        return Status.DOUBTFUL, (
            f"{text!r} from {row[0].start:.2f} to {row[-1].end:.2f} s was hardly heard (no word "
            f"has a confidence of {_HARDLY}): perhaps not said, or something else was; listen to it"
        )
    if result.spoken_pauses:
        longest = max(result.spoken_pauses, key=lambda pause: pause.duration)
        return Status.DOUBTFUL, (
            f"the pause from {longest.start:.2f} to {longest.end:.2f} s sounds like speech: "
            "listen to it; add what the transcript lacks, or align with --allow insertions"
        )
    return Status.ALIGNED, None


def _unheard_row(words: Sequence[Word]) -> Sequence[Word]:
    """Return the first words in a row that were hardly heard and too many or too long, if any."""
    rows = groupby(
        words,
        lambda word: (
            word.source != "noise" and word.confidence is not None and word.confidence < _HARDLY
        ),
    )
    for unheard, row in rows:
        found = list(row)
        if unheard and (len(found) >= _ROW_WORDS or found[-1].end - found[0].start > _ROW):
            return found
    return ()
