"""Speakers of words, by turns of speakers; tiers by speaker."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import accumulate, groupby

from speechalign.alignment import Interval
from speechalign.files.tier_names import join, layer, speaker_in_name
from speechalign.text.word import Word

OVERLAP = "overlap"
"""Name of the tier that marks where several speakers talk at once."""
UNKNOWN_SPEAKER = "unknown"

_NEAR = 0.5  # seconds: a word so near to a turn belongs to it, as turns are cut roughly
_TALKED_OVER = 0.5  # share of a word in which somebody else speaks, too


def assign_speakers(words: Sequence[Word], turns: Sequence[Interval]) -> tuple[Word, ...]:
    """Return the words with their speakers.

    Parameters
    ----------
    words : sequence of Word
        Aligned, with times from the beginning of the recording.
    turns : sequence of Interval
        When each speaker, the label, talks; in order of their starts, but they may overlap.

    Returns
    -------
    tuple of Word
        A word belongs to the speaker who talks during the largest share of it, of equal ones the
        one whose turn begins first; where nobody talks, to the nearest turn within 0.5 s, or to
        nobody. ``others`` are those who talk during half of it or more, too.
    """
    starts = [turn.start for turn in turns]
    ends = list(accumulate((turn.end for turn in turns), max))  # of this turn or one before
    assigned = []
    for word in words:
        if word.span is not None:
            first = bisect_left(ends, word.start - _NEAR)
            last = bisect_right(starts, word.end + _NEAR)
            word = _assigned(word, turns[first:last])
        assigned.append(word)
    return tuple(assigned)


def _assigned(word: Word, turns: Sequence[Interval]) -> Word:
    """Return a word with its speaker, given the turns around it."""
    shares: dict[str, float] = {}
    covered: dict[str, float] = {}  # where a speaker's turns overlap, time counts once
    for turn in turns:
        first = max(turn.start, word.start, covered.get(turn.label, 0.0))
        last = min(turn.end, word.end)
        if first < last:
            covered[turn.label] = last
            shares[turn.label] = shares.get(turn.label, 0.0) + last - first
    if shares:
        speaker = max(shares, key=lambda name: shares[name])
        least = _TALKED_OVER * word.duration
        others = tuple(n for n, share in shares.items() if n != speaker and share >= least)
        return replace(word, speaker=speaker, others=others)
    apart = [(max(turn.start - word.end, word.start - turn.end), turn.label) for turn in turns]
    nearest = min(apart, default=(_NEAR + 1, ""), key=lambda pair: pair[0])
    return replace(word, speaker=nearest[1]) if nearest[0] <= _NEAR else word


def tiers_of_words(words: Sequence[Word], unit: str) -> dict[str, list[Interval]]:
    """Return the tiers of words that are in the audio, in order.

    Parameters
    ----------
    words : Sequence[Word]
        Words with times.
    unit : str
        What they consist of.

    Returns
    -------
    dict of str to list of Interval
        ``words`` and that of their parts; and ``pronunciations``, where these were asked for: of
        each word that has several, all of them with their posteriors.
    """
    tiers = {
        "words": [word.interval for word in words],
        unit: [part for word in words for part in word.parts],
    }
    if any(word.pronunciations for word in words):
        tiers["pronunciations"] = [
            Interval(word.start, word.end, _ranking(word))
            for word in words
            if any(len(found) > 1 for found in word.pronunciations)
        ]
    return tiers


def _ranking(word: Word) -> str:
    """Return pronunciations with posteriors: ``R IY D 0.98, R EH D 0.02; AH N 1.00``."""
    return "; ".join(
        ", ".join(f"{' '.join(phones)} {posterior:.2f}" for phones, posterior in found)
        for found in word.pronunciations
    )


def tiers_by_speaker(
    passages: Iterable[Sequence[Word]], unit: str, *, utterances: bool
) -> dict[str, list[Interval]]:
    """Put words on the tiers of their speakers.

    Parameters
    ----------
    passages : iterable of sequences of Word
        Words that are in the audio, in order, by utterance.
    unit : str
        What the words consist of.
    utterances : bool
        Whether there is a tier ``utterances``: for each utterance, what a speaker says in one go.

    Returns
    -------
    dict of str to list of Interval
        ``SPEAKER - words`` and so on by speaker, without the name where there is one speaker; and,
        where several talk at once, the tier ``overlap``. What overlaps on the tier of a speaker
        goes to ``words (2)`` and on.
    """
    runs = [
        (speaker or UNKNOWN_SPEAKER, list(run))
        for passage in passages
        for speaker, run in groupby(passage, key=lambda word: word.speaker)
    ]
    speakers = sorted({speaker for speaker, _ in runs})
    tiers: dict[str, list[Interval]] = {}
    for speaker in speakers:
        name = speaker_in_name(speaker, speakers)
        for number, layered in enumerate(_layers([run for who, run in runs if who == speaker]), 1):
            words = [word for run in layered for word in run]
            if utterances:
                tiers[layer(join(name, "utterances"), number)] = [
                    Interval(run[0].start, run[-1].end, " ".join(word.label for word in run))
                    for run in layered
                ]
            for kind, intervals in tiers_of_words(words, unit).items():
                tiers[layer(join(name, kind), number)] = intervals
    together = sorted((word for _, run in runs for word in run), key=lambda word: word.start)
    if any(word.others for word in together):
        tiers[OVERLAP] = _overlaps(together)
    return tiers


def _layers(runs: Sequence[list[Word]]) -> list[list[list[Word]]]:
    """Distribute runs of words over as few layers as hold them without overlap."""
    layers: list[list[list[Word]]] = []
    for run in sorted(runs, key=lambda run: run[0].start):
        for found in layers:
            if found[-1][-1].end <= run[0].start:
                found.append(run)
                break
        else:
            layers.append([run])
    return layers


def _overlaps(words: Sequence[Word]) -> list[Interval]:
    """Return where several speakers talk at once, labelled with their names."""
    found: list[Interval] = []
    for word in words:
        if not word.others:
            continue
        label = " + ".join(sorted({word.speaker or UNKNOWN_SPEAKER, *word.others}))
        start = max(word.start, found[-1].end) if found else word.start
        if start >= word.end:
            continue
        if found and found[-1].label == label and start == found[-1].end:
            found[-1] = replace(found[-1], end=word.end)
        else:
            found.append(Interval(start, word.end, label))
    return found
