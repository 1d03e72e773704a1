"""Search for the words of a misfitting text that were said: a beam, before the alignment.

The beam goes through the text with ways off it (`misfit_graph`); what it read is then aligned as
any transcript is, with noise where there is other sound.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import get_args

import numpy as np

from speechalign.alignment import Interval
from speechalign.errors import AlignmentError, InputError, wrong_type
from speechalign.graphs import Graph
from speechalign.graphs.misfits import OTHER, PAUSE, Misfit, Penalties, misfit_graph
from speechalign.kernels.lattice_beam import best_pieces
from speechalign.text.dictionary import Variants
from speechalign.text.word import NOISE, Word

MISFITS: tuple[Misfit, ...] = get_args(Misfit)

# Nats; chosen on a few minutes of prompts that were left out, said again and put in another order.
_PENALTIES = Penalties(skip=-50.0, skip_more=-3.0, insertion=-60.0, jump=-150.0, filler=-15.0)
_BEAM = 200.0
# Frames of other sound that are reported; with less, words around take it.
_LEAST = 30
# So few words in a row, apart from the rest of the text, are heard by chance.
_CHANCE = 2

Reading = int | None
"""Number of the word that is read; None for sound that is not in the text."""


def check_misfits(allow: Collection[str]) -> tuple[Misfit, ...]:
    """Return what a text and its recording may differ in, in a fixed order, each once."""
    if isinstance(allow, str) or not isinstance(allow, Collection):
        raise wrong_type("allow", "a collection of names", allow, f"such as {MISFITS[:1]}")
    for name in allow:
        if name not in MISFITS:
            raise InputError(f"allow: expected some of {', '.join(MISFITS)}; got {name!r}")
    return tuple(name for name in MISFITS if name in allow)


def find_readings(
    log_probs: np.ndarray,
    graph: Graph,
    owners: Sequence[int],
    *,
    deficit: float,
    allow: Sequence[Misfit],
    fillers: Sequence[Sequence[int]],
) -> list[Reading]:
    """Find which words are read, in order of time, and where there is other sound.

    Parameters
    ----------
    log_probs : ndarray, shape (T, V), float32 or float64
        Natural-log likelihoods of every state.
    graph : Graph
        Of the whole text, nearly linear.
    owners : Sequence[int]
        Number of the word of the transcript that each word of the graph belongs to.
    deficit : float
        Nats that any sound scores less than the best of a frame.
    allow : Sequence of {"skips", "repeats", "insertions", "fillers"}
        What may happen.
    fillers : Sequence[Sequence[int]]
        Labels of each filler.

    Raises
    ------
    AlignmentError
        Nothing of the text is read.
    """
    any_sound = log_probs.max(axis=1, keepdims=True) - log_probs.dtype.type(deficit)
    free = misfit_graph(
        graph,
        any_sound=log_probs.shape[1],
        allow=allow,
        penalties=_PENALTIES,
        fillers=fillers,
    )
    found = best_pieces(
        np.append(log_probs, any_sound, axis=1), free.graph, free.pieces, beam=_BEAM, hub=free.jump
    )
    passages = _passages(found)
    if len(passages) > 1:
        passages = [p for p in passages if not p or p[0] is None or len(p) > _CHANCE]
    readings: list[Reading] = []
    for passage in passages:
        before: Reading = None
        last = -1
        for spoken in passage:
            owner = None if spoken is None else owners[spoken]
            again = spoken is not None and spoken <= last
            silent = owner is None and readings[-1:] == [None]
            if (owner is None or owner != before or again) and not silent:
                readings.append(owner)
            before, last = owner, -1 if spoken is None else spoken
    if all(reading is None for reading in readings):
        raise AlignmentError(
            "nothing of the transcript is heard in the recording; check that they belong together"
        )
    return readings


def _passages(found: Sequence[tuple[int, int, int]]) -> list[list[Reading]]:
    """Cut what was read where the reader leaves the text: words in a row, or other sound alone."""
    passages: list[list[Reading]] = [[]]
    for piece, begin, end in found:
        if piece >= 0:
            if passages[-1] and passages[-1][-1] is None:
                passages.append([])
            own = passages[-1]
            if own and own[-1] is not None and piece != own[-1] + 1:
                passages.append([])
            passages[-1].append(piece)
        elif piece == OTHER and end - begin >= _LEAST:
            passages.append([None])
        elif piece != PAUSE:
            passages.append([])
    return [passage for passage in passages if passage]


def read_words(words: Sequence[Word], readings: Sequence[Reading], noise: Variants) -> list[Word]:
    """Return the words that are read, with a word of noise where there is other sound."""
    other = Word("", (NOISE,), "noise", variants=(noise,))
    return [other if reading is None else words[reading] for reading in readings]


def in_order_of_text(
    words: Sequence[Word], readings: Sequence[Reading], aligned: Sequence[Word]
) -> tuple[list[Word], list[Interval]]:
    """Sort what was aligned: the words of the text with further readings, and other sound."""
    found: dict[int, list[Word]] = {}
    untranscribed = []
    for reading, word in zip(readings, aligned):
        if reading is None:
            untranscribed.append(replace(word.interval, label="untranscribed", confidence=None))
        else:
            found.setdefault(reading, []).append(word)
    ordered: list[Word] = []
    for number, word in enumerate(words):
        if number not in found:
            skipped = replace(word.chosen(0), variants=(), status="skipped")
            ordered.append(skipped)
            continue
        first, *further = found[number]
        ordered += [first, *(replace(again, status="repeated") for again in further)]
    return ordered, untranscribed
