"""Word: a token of a transcript, enriched on its way from the normaliser to the output file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, fields, replace
from typing import Literal

from speechalign.alignment import Interval
from speechalign.text.dictionary import Variants
from speechalign.text.normal_form import normal_form
from speechalign.text.tokens import NOISE as NOISE
from speechalign.text.tokens import WrittenToken
from speechalign.vocabulary import Piece

UNKNOWN = "<unknown>"

Spoken = tuple[str, ...]
Pronunciation = tuple[tuple[str, ...], float]
"""Phones, or other symbols of a model, and the posterior probability that they were said."""
Choice = tuple[Spoken, tuple[Variants, ...]]
Reading = tuple[Piece, ...]
Source = Literal["letters", "dictionary", "g2p", "noise", "unknown"]
WordStatus = Literal["aligned", "skipped", "repeated"]


@dataclass(frozen=True)
class Token:
    """A character, or a longer piece of a word, with its time.

    Parameters
    ----------
    interval : Interval
        When it is said.
    start, end : int
        Characters ``[start, end)`` of the word's label that it stands for: the user's own text,
        not what is spoken for it.
    """

    interval: Interval
    start: int
    end: int


@dataclass(frozen=True, repr=False)
class Word:
    """A word of the transcript: how it is written, how it may be said, and when it is.

    A normaliser fills ``label`` and ``spoken``; a lexicon or speller adds how that may be said, in
    ``source`` and in ``variants`` or ``readings``; an aligner adds the times. What is not known yet
    is empty.

    Parameters
    ----------
    label : str
        The user's own token, casing and punctuation kept; with it, after a space, neighbouring
        tokens that are not spoken.
    spoken : tuple[str, ...]
        One or more dictionary words, in lower case: ``("five", "dollars")`` for ``$5``; or `NOISE`
        alone, or `UNKNOWN` alone.
    source : {"letters", "dictionary", "g2p", "noise", "unknown"}
        Where the pronunciation comes from. ``letters``: the model reads what is written. ``g2p``:
        at least a part of it was guessed from the spelling. ``noise``: a bracketed token such as
        ``[laughter]``. ``unknown``: nothing reads the word, or some of its characters. The last two
        are aligned with any sound.
    variants : tuple[Variants, ...]
        For each spoken word, its pronunciations as phone names, for a model of phones. Before a
        lexicon has seen it: the pronunciation that the transcript gives, as written.
    readings : tuple[tuple[Reading, ...], ...]
        For each spoken word, the ways to read it, for a CTC model: pieces of ``label``.
    choices : tuple[Choice, ...]
        What may be said instead, the first of which is ``spoken``: ``nineteen oh five`` and
        ``nineteen hundred five`` for ``1905``. Empty where there is one way, and once an aligner
        has chosen. Once a lexicon has filled it in, ``variants`` or ``readings`` have one entry
        for the whole word, with a pronunciation for each choice.
    span : Interval or None
        When the word is said, with its label and confidence; None before it is aligned.
    phones : tuple[Interval, ...]
        The pronunciation that fits best, when aligned; pauses inside the word are gaps. Empty where
        the model knows no phones.
    tokens : tuple[Token, ...]
        The characters or pieces that the model read instead, when aligned. Empty where it has
        phones.
    status : {"aligned", "skipped", "repeated"}
        ``skipped``: a word of the transcript that is not in the audio, without ``span``.
        ``repeated``: a further reading of the word before it.
    speaker : str or None
        Who says it, where turns of speakers are known for single words.
    others : tuple[str, ...]
        Who talks at the same time.
    pronunciations : tuple[tuple[Pronunciation, ...], ...]
        For each spoken word, its pronunciations with their posteriors, the most probable first;
        empty where they were not asked for.
    """

    label: str
    spoken: Spoken
    source: Source = "letters"
    variants: tuple[Variants, ...] = ()
    readings: tuple[tuple[Reading, ...], ...] = ()
    choices: tuple[Choice, ...] = ()
    span: Interval | None = None
    phones: tuple[Interval, ...] = ()
    tokens: tuple[Token, ...] = ()
    status: WordStatus = "aligned"
    speaker: str | None = None
    others: tuple[str, ...] = ()
    pronunciations: tuple[tuple[Pronunciation, ...], ...] = ()

    @property
    def is_any_sound(self) -> bool:
        """Return whether nothing of it can be read, so that it is aligned with any sound."""
        return self.source in ("noise", "unknown")

    @property
    def interval(self) -> Interval:
        """When the word is said; of words that are, and were aligned."""
        assert self.span is not None, f"{self.label!r} has no time: it is {self.status}"
        return self.span

    @property
    def start(self) -> float:
        """Start of the word, seconds."""
        return self.interval.start

    @property
    def end(self) -> float:
        """End of the word, seconds."""
        return self.interval.end

    @property
    def duration(self) -> float:
        """Duration of the word, seconds."""
        return self.interval.duration

    @property
    def confidence(self) -> float | None:
        """Estimated probability that the word was said there; None where nothing is known."""
        return self.interval.confidence

    @property
    def parts(self) -> tuple[Interval, ...]:
        """The phones, or the times of the tokens where there are none."""
        return self.phones or tuple(token.interval for token in self.tokens)

    def stretched(self, start: float, end: float) -> Word:
        """Return the aligned word with its first part from ``start`` and its last to ``end``.

        Credible intervals stay where they are, but reach as far as the new bounds.
        """
        parts = list(self.parts)
        before, after = parts[0].start_margins, parts[-1].end_margins
        before = before and before.after_move(start - parts[0].start)
        after = after and after.after_move(end - parts[-1].end)
        parts[0] = replace(parts[0], start=start, start_margins=before)
        parts[-1] = replace(parts[-1], end=end, end_margins=after)
        tokens = tuple(replace(t, interval=part) for t, part in zip(self.tokens, parts))
        return replace(
            self,
            span=replace(
                self.interval, start=start, end=end, start_margins=before, end_margins=after
            ),
            phones=tuple(parts) if self.phones else (),
            tokens=tokens,
        )

    def to_dict(self) -> dict[str, object]:
        """Return plain data of an aligned word, as the manifest of a corpus has it.

        Returns
        -------
        dict
            ``label``; ``status``; ``start``, ``end`` and ``confidence``, all None where the word
            was skipped; ``source``; ``spoken``, a list of words; ``phones``, lists of label, start
            and end; ``tokens``, lists of label, start, end, and the characters ``[start, end)`` of
            the word that they stand for. Where turns of speakers are known: ``speaker``, and
            ``others``, a list of names. What was asked for of the posteriors: ``margins``, for each
            phone or token those of its start and of its end, each four seconds relative to it or
            None, as `Margins` has them; ``posteriors`` and ``goodness``, a number for each phone or
            token, or None; ``pronunciations``, for each spoken word lists of phones, with spaces
            between, and posterior.
        """
        known = self.speaker is not None
        more: dict[str, object] = {}
        if known:
            more |= {"speaker": self.speaker, "others": list(self.others)}
        parts = self.parts
        if any(part.start_margins or part.end_margins for part in parts):
            pairs = [(part.start_margins, part.end_margins) for part in parts]
            more["margins"] = [[m and list(astuple(m)) for m in pair] for pair in pairs]
        if any(part.confidence is not None for part in parts):
            more["posteriors"] = [part.confidence for part in parts]
            more["goodness"] = [part.goodness for part in parts]
        if self.pronunciations:
            more["pronunciations"] = [
                [[" ".join(phones), posterior] for phones, posterior in found]
                for found in self.pronunciations
            ]
        return {
            "label": self.label,
            "status": self.status,
            "start": self.span and self.start,
            "end": self.span and self.end,
            "confidence": self.span and self.confidence,
            "source": self.source,
            "spoken": list(self.spoken),
            "phones": [[phone.label, phone.start, phone.end] for phone in self.phones],
            "tokens": [
                [t.interval.label, t.interval.start, t.interval.end, t.start, t.end]
                for t in self.tokens
            ],
            **more,
        }

    def chosen(self, number: int) -> Word:
        """Return the word that one of its pronunciations belongs to, by number."""
        if not self.choices:
            return self
        spoken, variants = self.choices[number]
        return replace(self, spoken=spoken, variants=variants, choices=())

    def __repr__(self) -> str:
        values = ((field, getattr(self, field.name)) for field in fields(self))
        known = (f"{field.name}={value!r}" for field, value in values if value != field.default)
        return f"Word({', '.join(known)})"


def bare(label: str) -> str:
    """Return a label without punctuation around it, or as it is if there is nothing else."""
    return label.strip(".,;:!?…\"'“”‘’«»„()[]{}<>、。！？¿¡—–- ") or label


def speak_tokens(
    tokens: Sequence[WrittenToken],
    speak: Callable[[str, str, str], tuple[Spoken, ...]],
    *,
    own: Callable[[str], Spoken] | None = None,
) -> tuple[Word, ...]:
    """Make words of the tokens of a transcript.

    Parameters
    ----------
    tokens : Sequence[WrittenToken]
        What `speechalign.text.tokens.tokens` returns.
    speak : callable
        Told what is to be read before (empty for the first), what is to be read now, and what
        after (empty for the last), returns what may be said for it, the usual first; empty for
        nothing. Noise and tokens that are not said are not shown to it.
    own : callable or None
        Told a token as it is written, returns the entries of the user's dictionary that are said
        for it; empty for none, which leaves it to ``speak``. Of a noise, only an entry that has its
        brackets counts.

    Returns
    -------
    tuple[Word, ...]
        Empty if nothing in the text can be spoken. Otherwise the labels joined by single spaces
        are those of the tokens, without those of which nothing is to be read.

    Examples
    --------
    >>> from speechalign.text.tokens import tokens
    >>> written = tokens("Oh - [laughter] no !")
    >>> speak_tokens(written, lambda _, token, __: ((token,),) * token.isalpha())
    (Word(label='Oh -', spoken=('Oh',)), Word(label='[laughter]', spoken=('<noise>',)), \
Word(label='no !', spoken=('no',)))
    """
    read = ["", *(token.said for token in tokens if token.said not in ("", NOISE)), ""]
    at = 0  # in ``read``: the token before the next one
    found: list[Word] = []
    silent: list[str] = []  # tokens before the first word
    for token in tokens:
        if not token.said:
            continue
        if token.phones:
            name = normal_form(bare(token.said)).lower()
            variants = ((token.phones,),)
            found.append(Word(" ".join([*silent, token.label]), (name,), variants=variants))
            silent = []
            at += 1
            continue
        spoken = own(token.label if token.said == NOISE else token.said) if own else ()
        said = (spoken,) * bool(spoken)
        if token.said != NOISE:
            said = said or speak(*read[at : at + 3])
            at += 1
        elif not spoken or spoken[0][0].isalnum():
            said = ((NOISE,),)
        if said:
            choices = tuple((spoken, ()) for spoken in said) if len(said) > 1 else ()
            label = " ".join([*silent, token.label])
            found.append(Word(label, said[0], choices=choices))
            silent = []
        elif found:
            found[-1] = replace(found[-1], label=f"{found[-1].label} {token.label}")
        else:
            silent.append(token.label)
    return tuple(found)
