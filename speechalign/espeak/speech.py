"""Speech whose times are known."""

from __future__ import annotations

import ctypes
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from speechalign.alignment import Alignment, Interval
from speechalign.errors import BackendError, InputError
from speechalign.espeak.library import UTF8, encode, loaded_voice
from speechalign.espeak.pronunciation import spoken_words, symbol_of

# From speak_lib.h of eSpeak NG.
_CHARACTERS, _RATE, _PITCH = 1, 1, 3
_LIST_END, _WORD, _PHONEME = 0, 1, 7
# Words a minute; from 450 on, samples are squeezed after the events have been counted.
_SLOWEST, _FASTEST = 80, 449
_SILENCE = 32  # of 32768: pauses are all zeros, whatever else has no name is a hundred times louder
# Seconds; the shortest silence that is made on purpose lasts five milliseconds, at the fastest.
_SHORTEST_SILENCE = 0.003
# What the symbol of a stop or an affricate begins with.
_STOPS = frozenset("pbtdʈɖcɟkɡgqɢʔɓɗʄɠʛ")


class _Id(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    )


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


class _Mark(NamedTuple):
    """Start of a phone: sample, symbol ('' for a pause or a link) and its token."""

    sample: int
    symbol: str
    token: int


@dataclass(frozen=True, eq=False)
class Speech:
    """Synthesised speech and the times of what is said in it.

    Parameters
    ----------
    samples : ndarray, shape (N,), float32
        One channel; full scale is 1.
    sample_rate : int
        Hz.
    alignment : Alignment
        Tiers ``words`` and ``phones``, exact to the sample. Pauses are gaps.
    """

    samples: np.ndarray
    sample_rate: int
    alignment: Alignment


def speak(text: str, *, voice: str = "en-us", rate: int = 175, pitch: int = 50) -> Speech:
    """Read a text aloud, and tell when each word and phone is said.

    Parameters
    ----------
    text : str
        What to say. Its tokens, parted by white space, are the labels of the words.
    voice : str
        A code that `languages` lists, alone or with a variant of the voice: ``en-us+f1``.
    rate : int
        Words per minute, 80 to 449.
    pitch : int
        0 to 99.

    Returns
    -------
    Speech
        22,050 Hz. A token has one interval, from the first phone of it to the last, however many
        words it takes to say it (``1982``), punctuation marks that are read out (``&``) among
        them; a token of which nothing is said has none. The same arguments give the same samples,
        in every process and thread.

    Raises
    ------
    InputError
        No such voice, a rate or pitch out of range, or a text of which nothing can be said.
    BackendError
        eSpeak NG is not there.

    Notes
    -----
    The times are those of the synthesiser's own events. What has no name there but is heard (a
    link between vowels) is part of the phone before it. Of tokens that are said as one word (*in
    the*), each gets the phones that fit its own pronunciation best.

    An event tells where a phone begins to sound; the silence that eSpeak makes before it, up to
    55 ms, is then still the time of the phone before. Here it is the closure of a stop or affricate
    that follows; otherwise, after a word, it is a gap. After a pause, where nobody hears it, a stop
    begins with its burst.

    Variants with an echo (f2 to f5 and m2 among them) sound on for some 125 ms where these times
    say that there is silence.

    The state of the library is global, and some of it outlives a call. Therefore the library is
    loaded afresh for each, one at a time; another package that has loaded the same file, rather
    than a copy of it, must not be in use at the same time.

    References
    ----------
    .. [1] eSpeak NG, "Integrating espeak-ng", https://github.com/espeak-ng/espeak-ng, docs.
    """
    if not _SLOWEST <= rate <= _FASTEST:
        raise InputError(f"rate: expected {_SLOWEST} to {_FASTEST} words a minute, got {rate}")
    if not 0 <= pitch <= 99:
        raise InputError(f"pitch: expected 0 to 99, got {pitch}")
    tokens = text.split()
    starts = _starts(text, tokens)
    with loaded_voice(voice) as library:
        library.espeak_SetParameter(_RATE, rate, 0)
        library.espeak_SetParameter(_PITCH, pitch, 0)
        pcm, events, sample_rate = _synthesise(library, text)
        marks = _marks(events, starts)
        spans = _phones(marks, pcm, round(_SHORTEST_SILENCE * sample_rate))
        if not spans:
            raise InputError(f"text: eSpeak NG says nothing of {text!r}; leave it out")
        spans = _share(spans, tokens, library)
    phones = [Interval(a / sample_rate, b / sample_rate, s) for a, b, s, _ in spans]
    times: dict[int, tuple[int, int]] = {}
    for start, end, _, token in spans:
        times[token] = (times.get(token, (start, end))[0], end)
    words = [
        Interval(start / sample_rate, end / sample_rate, tokens[token])
        for token, (start, end) in times.items()
    ]
    alignment = Alignment({"words": words, "phones": phones}, pcm.size / sample_rate)
    return Speech(pcm.astype(np.float32) / 32768, sample_rate, alignment)


def _starts(text: str, tokens: Sequence[str]) -> list[int]:
    """Find the character at which each token begins."""
    starts = []
    end = 0
    for token in tokens:
        starts.append(text.index(token, end))
        end = starts[-1] + len(token)
    return starts


def _synthesise(
    library: ctypes.CDLL, text: str
) -> tuple[np.ndarray, list[tuple[int, int, int, str]], int]:
    """Return int16 samples, events (type, character, sample, name of a phone) and the rate."""
    pieces: list[bytes] = []
    events: list[tuple[int, int, int, str]] = []

    def collect(
        wave: ctypes._Pointer[ctypes.c_short], count: int, event: ctypes._Pointer[_Event]
    ) -> int:
        if wave and count > 0:
            pieces.append(ctypes.string_at(wave, 2 * count))
        number = 0
        while (kind := event[number].type) != _LIST_END:
            if kind in (_WORD, _PHONEME):
                # A name of more than eight bytes is cut off, perhaps within a character.
                name = event[number].id.string.decode(errors="ignore") if kind == _PHONEME else ""
                position, sample = event[number].text_position - 1, event[number].sample
                events.append((kind, position, sample, name))
            number += 1
        return 0

    callback = _Callback(collect)
    library.espeak_SetSynthCallback(callback)
    encoded = encode(text)
    status = library.espeak_Synth(encoded, len(encoded) + 1, 0, _CHARACTERS, 0, UTF8, None, None)
    library.espeak_SetSynthCallback(_Callback())  # the library forgets ours before it goes
    if status != 0:
        raise BackendError(f"eSpeak NG: the synthesis of {text!r} failed with status {status}")
    if any(following[2] < event[2] for event, following in pairwise(events)):
        raise InputError("rate: this voice has no times at this speed; expected at most 350")
    pcm = np.frombuffer(b"".join(pieces), np.int16)
    return pcm, events, library.espeak_ng_GetSampleRate()


def _marks(events: Sequence[tuple[int, int, int, str]], starts: Sequence[int]) -> list[_Mark]:
    """Tell of each phone the token that it is part of."""
    marks = [_Mark(0, "", 0)]
    token = 0
    for kind, position, sample, name in events:
        if kind == _WORD:
            token = max(token, bisect_right(starts, position) - 1)
        else:
            marks.append(_Mark(sample, symbol_of(name), token))
    return marks


def _phones(
    marks: Sequence[_Mark], pcm: np.ndarray, shortest: int
) -> list[tuple[int, int, str, int]]:
    """Turn marks into spans (start, end, symbol, token), without pauses.

    ``shortest`` is how many samples make a silence.
    """
    spans: list[tuple[int, int, str, int]] = []
    begun: int | None = None  # where the next phone begins, if that is before its mark
    for mark, following in pairwise([*marks, _Mark(pcm.size, "", 0)]):
        start, end = mark.sample, min(following.sample, pcm.size)
        if end <= start:
            continue
        loud = np.flatnonzero(np.abs(pcm[start:end].astype(np.int32)) >= _SILENCE)
        if mark.symbol:
            start, begun = (start if begun is None else begun), None
            quiet_from = mark.sample + int(loud[-1]) + 1 if loud.size else end
            if end - quiet_from >= shortest:
                if following.symbol[:1] in _STOPS:
                    end = begun = quiet_from
                elif not following.symbol or following.token != mark.token:
                    end = quiet_from
            spans.append((start, end, mark.symbol, mark.token))
        elif not loud.size:
            begun = None
        elif spans and spans[-1][1] == start:
            spans[-1] = (spans[-1][0], end, *spans[-1][2:])
        else:
            begun = start
    return spans


def _share(
    spans: Sequence[tuple[int, int, str, int]], tokens: Sequence[str], library: ctypes.CDLL
) -> list[tuple[int, int, str, int]]:
    """Give tokens that are said with the one before them their part of its phones."""
    said: dict[int, list[tuple[int, int, str, int]]] = {}
    for span in spans:
        said.setdefault(span[3], []).append(span)
    heads = sorted(said)
    shared = []
    for head, end in pairwise([*heads, len(tokens)]):
        group = [t for t in range(head, end) if t == head or _is_word(tokens[t])]
        if head == heads[0]:
            group = [*(t for t in range(head) if _is_word(tokens[t])), *group]
        if len(group) > 1 and not _is_word(tokens[head]):
            group.remove(head)
        cuts = []
        if len(group) > 1:
            own = [sum(spoken_words(library, tokens[token]), ()) for token in group]
            cuts = _cuts([symbol for _, _, symbol, _ in said[head]], own)
        for token, (start, stop) in zip(group, pairwise([0, *cuts, len(said[head])])):
            shared += [(*span[:3], token) for span in said[head][start:stop]]
    return shared


def _is_word(token: str) -> bool:
    return any(map(str.isalnum, token))


def _cuts(phones: Sequence[str], own: Sequence[tuple[str, ...]]) -> list[int]:
    """Cut phones into parts, one for each token, that are as like the tokens' own as can be."""
    cuts: list[int] = []
    if len(phones) < len(own):
        return cuts
    for number, first in enumerate(own[:-1], 1):
        rest = sum(own[number:], ())
        begin = cuts[-1] if cuts else 0
        expected = begin + (len(phones) - begin) * len(first) / max(1, len(first + rest))
        last = len(phones) - (len(own) - number)
        scored = (
            (_common(phones[begin:c], first) + _common(phones[c:], rest), -abs(c - expected), c)
            for c in range(begin + 1, last + 1)
        )
        cuts.append(max(scored)[2])
    return cuts


def _common(a: Sequence[str], b: Sequence[str]) -> int:
    """Count the phones that two sequences share, in order."""
    blocks = SequenceMatcher(None, a, b, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks)
