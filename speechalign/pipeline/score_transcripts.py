"""Word error rate of folders of transcripts."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal, cast

from speechalign.errors import BackendError, InputError
from speechalign.files.json_values import loads
from speechalign.files.names import composed
from speechalign.files.reading import read_lines, read_text
from speechalign.formats import read_alignment
from speechalign.formats.tree import match_recordings
from speechalign.metrics import report
from speechalign.metrics.resampling import ConfidenceInterval, bootstrap
from speechalign.metrics.word_errors import WordErrorScore, figures
from speechalign.pronunciation.lexicon import normaliser

Normalisation = Literal["plain", "spoken", "whisper", "none"]
NORMALISATIONS: tuple[Normalisation, ...] = ("plain", "spoken", "whisper", "none")
_TIERS = ("utterances", "words")  # of TextGrids, the first that there is


@dataclass(frozen=True)
class TranscriptReport:
    """Word errors of a folder of transcripts.

    Parameters
    ----------
    pooled : WordErrorScore
        Over all recordings of the reference, each word counting alike.
    recordings : Mapping[str, WordErrorScore]
        Of each recording.
    intervals : Mapping[str, ConfidenceInterval]
        95 % confidence intervals by name of the figure; empty without resamples.
    missing : tuple[str, ...]
        Recordings of the reference that the hypothesis lacks; all their words count as deleted.
    """

    pooled: WordErrorScore
    recordings: Mapping[str, WordErrorScore]
    intervals: Mapping[str, ConfidenceInterval]
    missing: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        """Return all figures, as shares, as JSON can hold them."""
        return {"signature": self.pooled.signature, **asdict(self)}


def score_transcripts(
    reference: str | os.PathLike[str],
    hypothesis: str | os.PathLike[str],
    *,
    normalisation: Normalisation = "plain",
    language: str = "en",
    resamples: int = 0,
    seed: int = 0,
) -> TranscriptReport:
    """Count the word errors of transcripts.

    Parameters
    ----------
    reference, hypothesis : path-like
        Folders of ``.lab``, ``.txt`` or ``.TextGrid`` files (tier ``utterances``, else ``words``),
        or JSONL manifests with ``text``. They are matched by path without suffix, or by the last
        part of it where no other recording has the same.
    normalisation : {"plain", "spoken", "whisper", "none"}
        How texts are made comparable: without casing and punctuation; as the words that are said,
        by our normaliser of ``language`` (``$5`` is ``five dollars``); by the English normaliser of
        Whisper, without its list of spellings; or not at all.
    language : str
        For ``spoken``.
    resamples, seed : int
        Resamples of recordings for confidence intervals, and their seed; 0 for none.

    Returns
    -------
    TranscriptReport
        The signature names the normalisation.

    Raises
    ------
    InputError
        A path has no transcripts, the two have no recording in common, or there is no such
        normalisation.
    BackendError
        transformers is missing for ``whisper``.
    """
    words = _normalise(normalisation, language)
    gold, ours = _read(Path(reference)), _read(Path(hypothesis))
    matched = match_recordings(gold, ours)
    if all(name is None for name in matched.values()):
        raise InputError(
            f"{hypothesis}: has none of the {len(gold)} recordings of {reference}; expected the "
            "same names"
        )
    pairs = {
        name: (words(gold[name]), None if other is None else words(ours[other]))
        for name, other in matched.items()
    }
    found = report(pairs, metric="word-errors")
    told = f"spoken-{language}" if normalisation == "spoken" else normalisation

    def signed(score: object) -> WordErrorScore:
        score = cast(WordErrorScore, score)
        return replace(score, signature=score.signature.replace("as-given", told))

    return TranscriptReport(
        signed(found.pooled),
        {name: signed(score) for name, score in found.recordings.items()},
        bootstrap(found.counts, figures, resamples=resamples, seed=seed) if resamples else {},
        tuple(name for name, other in matched.items() if other is None),
    )


def _normalise(normalisation: str, language: str) -> Callable[[str], list[str]]:
    """Return what cuts a text into words that may be compared."""
    if normalisation == "none":
        return str.split
    if normalisation == "plain":
        return plain_words
    if normalisation == "spoken":
        spoken = normaliser(language)

        def as_said(text: str) -> list[str]:
            if not any(map(str.isalnum, text)):
                return []
            said = spoken(text, lambda _: False)
            return [part for word in said for part in word.spoken if any(map(str.isalnum, part))]

        return as_said
    if normalisation == "whisper":
        try:
            from transformers.models.whisper.english_normalizer import EnglishTextNormalizer
        except ImportError:
            raise BackendError(
                "normalisation: that of Whisper needs transformers; pip install 'speechalign[hf]'"
            ) from None
        whisper = EnglishTextNormalizer({})
        return lambda text: str(whisper(text)).split()
    known = ", ".join(NORMALISATIONS)
    raise InputError(f"normalisation: expected one of {known}, got {normalisation!r}")


def plain_words(text: str) -> list[str]:
    """Return the words of a text in lower case, without marks but apostrophes inside."""
    kept = "".join(c if c.isalnum() or c in "'’" else " " for c in composed(text).casefold())
    words = (word.strip("'") for word in kept.replace("’", "'").split())
    return [word for word in words if word]


def _read(path: Path) -> dict[str, str]:
    """Return the transcripts of a folder or a manifest by recording."""
    if path.is_dir():
        found = _read_folder(path)
    elif path.is_file():
        found = _read_manifest(path)
    else:
        raise InputError(f"{path}: there is no such file or folder; check its name")
    if not found:
        raise InputError(f"{path}: has no transcripts (.lab, .txt, .TextGrid)")
    return found


def _read_folder(folder: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for suffix in (".TextGrid", ".txt", ".lab"):  # the last counts
        for file in sorted(folder.rglob(f"*{suffix}")):
            name = composed(file.relative_to(folder).with_suffix("").as_posix())
            if suffix != ".TextGrid":
                found[name] = read_text(file)
                continue
            tiers = read_alignment(file).tiers
            labels = [
                [i.label for i in tier]
                for wanted in _TIERS
                for own, tier in tiers.items()
                if own.rpartition(" - ")[2] == wanted
            ]
            if labels:
                found[name] = " ".join(labels[0])
    return found


def _read_manifest(path: Path) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for line in read_lines(path):
        if line.problem is not None:
            raise InputError(line.problem)
        told = loads(line.text, f"{path}:{line.number}")
        name = told.get("recording") or Path(str(told.get("audio_filepath"))).with_suffix("")
        if not isinstance(told.get("text"), str):
            raise InputError(f"{path}:{line.number}: expected a text")
        found.setdefault(composed(str(name)), []).append(told["text"])
    return {name: " ".join(texts) for name, texts in found.items()}
