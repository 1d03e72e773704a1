"""Choose the tiers of a TextGrid that hold utterances, and the speaker of each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from speechalign.errors import InputError
from speechalign.files.names import composed
from speechalign.files.textgrid import TextGrid, Tier
from speechalign.files.tier_names import split, split_layer

# What a tier of labels, of smaller units, or of remarks is called; never a speaker.
_NO_SPEECH = re.compile(
    r"(?:word|phone|phoneme|segment|sound|syllable|character|letter|grapheme|token|morpheme|lemma"
    r"|gloss|translation|note|comment|remark|todo|event|overlap|noise|pause|silence|vowel|consonant|pitch"
    r"|stress|accent|boundary|boundarie|landmark|target|error)(?:s|es)?"
    r"|glosses|tones|pos|ipa|f0|tobi|metadata|info|mau|(?:ort|kan|kas)-mau"
)
# What a tier of anybody's utterances is called, which says nothing about who speaks.
_ANYBODY = re.compile(
    r"(?:utterance|sentence|transcript|transcription|text|turn|phrase|chunk|ipu)s?|orthography|speech"
)


@dataclass(frozen=True)
class SpeechTier:
    """A tier of utterances.

    Parameters
    ----------
    tier : Tier
        The tier.
    speaker : str or None
        Who speaks on it; None where the tier's name does not say so.
    layer : int
        1; for utterances that overlap others of the same tier in a subtitle file, 2 and on.
    """

    tier: Tier
    speaker: str | None
    layer: int = 1


@dataclass(frozen=True)
class TierChoice:
    """Contents of a TextGrid for an aligner.

    Parameters
    ----------
    speech : list[SpeechTier]
        Tiers whose intervals with text are utterances.
    words : SpeechTier or None
        Where no tier has utterances: the one whose words together are the transcript.
    left_out : tuple[str, ...]
        Names of the tiers that were passed over because of their names.
    """

    speech: list[SpeechTier]
    words: SpeechTier | None
    left_out: tuple[str, ...]


def choose_tiers(grid: TextGrid, path: Path, wanted: Sequence[str] = ()) -> TierChoice:
    """Choose the tiers of utterances.

    Parameters
    ----------
    grid : TextGrid
        The file's content.
    path : Path
        The file, for messages.
    wanted : sequence of str
        Names of tiers, in any case, that hold the utterances, alone or behind ``SPEAKER - ``. The
        speaker is the one in the tier's name; where several names are given, the name itself.
        Without names: the tiers called ``utterances``, alone or behind ``SPEAKER - ``; where there
        is none, each tier is that of the speaker it is called after (nobody's in particular, if
        it is called ``sentences`` or the like), but those that a name such as ``words``,
        ``phones`` or ``notes`` tells apart.

    Returns
    -------
    TierChoice
        Where tiers called ``words`` and the like are all that there is, and one of them holds
        words: that one.

    Raises
    ------
    InputError
        A wanted tier is not there, or no tier may hold utterances.
    """
    names = [_Name(tier) for tier in grid.tiers]
    has = ", ".join(repr(tier.name) for tier in grid.tiers) or "none"
    if wanted:
        keys = {_key(name) for name in wanted}
        chosen = [name for name in names if keys & {_key(name.whole), name.kind}]
        if not chosen:
            raise InputError(
                f"{path}: no tier {' or '.join(map(repr, wanted))}, only {has}; choose with --tier"
            )
        several = len(keys) > 1
        speech = [n.speech_tier(n.speaker or (n.whole if several else None)) for n in chosen]
        return TierChoice(speech, None, ())
    chosen = [name for name in names if name.kind == "utterances"]
    speech = [name.speech_tier(name.speaker) for name in chosen]
    if not chosen:
        chosen = [name for name in names if not name.is_no_speech]
        speech = [
            name.speech_tier(name.speaker if _ANYBODY.fullmatch(name.kind) else name.whole or None)
            for name in chosen
        ]
    left_out = tuple(name.tier.name for name in names if name not in chosen)
    if chosen or not names:
        return TierChoice(speech, None, left_out)
    words = [n for n in names if n.kind == "words" and any(m.text.strip() for m in n.tier.marks)]
    if len(words) != 1:
        raise InputError(
            f"{path}: its tiers ({has}) are those of an alignment; expected one tier per speaker, "
            "with utterances, or 'utterances'; choose with --tier"
        )
    (only,) = words
    return TierChoice([], only.speech_tier(only.speaker), left_out)


class _Name:
    """Return the parts of the name of a tier."""

    def __init__(self, tier: Tier) -> None:
        self.tier = tier
        name, self._layer = split_layer(composed(tier.name.strip()))
        self.whole = name
        self.speaker, kind = split(name)
        self.kind = _key(kind)

    @property
    def is_no_speech(self) -> bool:
        key = _key(self.whole)
        first = key.partition("@")[0]  # ELAN: words@Ann
        last = re.split(r"[\s_@:./()\[\]-]+", key.strip("()[]"))[-1]
        return any(_NO_SPEECH.fullmatch(word) for word in (self.kind, first, last))

    def speech_tier(self, speaker: str | None) -> SpeechTier:
        return SpeechTier(self.tier, speaker, self._layer)


def _key(name: str) -> str:
    return composed(name.strip()).casefold()
