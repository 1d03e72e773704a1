"""An aligner for each speaker of a corpus, where the model adapts to speakers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from speechalign.aligners.aligner import Aligner
from speechalign.corpus import Utterance
from speechalign.errors import SpeechAlignError
from speechalign.models import SpeakerModel
from speechalign.models.content import content_hash

if TYPE_CHECKING:
    from speechalign.models.speakers import CepstralMoments


def aligners_by_speaker(
    aligner: Aligner, utterances: Sequence[Utterance], *, jobs: int
) -> dict[str, Aligner]:
    """Return the aligner of each speaker by name; none where it is that of everybody.

    Parameters
    ----------
    aligner : Aligner
        The loaded model.
    utterances : Sequence[Utterance]
        All of every speaker who is to be aligned: a model that normalises features by speaker hears
        all of their recordings that can be read, whatever the transcripts say. Neither the order
        nor ``jobs`` makes a difference to any bit. One without a speaker is a speaker of its own.
    jobs : int
        Recordings heard at once, by threads.
    """
    named = [u for u in utterances if u.speaker and u.problem is None]
    heard: Mapping[str, CepstralMoments] = {}
    if isinstance(aligner.model, SpeakerModel):
        heard = _hear(aligner.model, named, jobs)
    names = {u.speaker for u in named if u.speaker}
    found = {name: aligner.for_speaker(name, heard.get(name)) for name in names}
    return {name: own for name, own in found.items() if own is not aligner}


def heard_together(aligner: Aligner, utterances: Sequence[Utterance]) -> dict[str, str]:
    """Return a hash of all that each speaker says, where the model normalises by speaker.

    The times of a recording depend on the others of its speaker then. Names, stretches and sizes of
    the files are hashed, not their content: nothing is read.
    """
    model = aligner.model
    if not (isinstance(model, SpeakerModel) and model.by_speaker):
        return {}
    said: dict[str, list[object]] = {}
    for u in utterances:
        if u.speaker and u.problem is None:
            size = u.audio.stat().st_size if u.audio.is_file() else None
            said.setdefault(u.speaker, []).append((u.id, u.start, u.end, u.channel, size))
    return {speaker: content_hash(sorted(map(repr, parts))) for speaker, parts in said.items()}


def _hear(
    model: SpeakerModel, utterances: Sequence[Utterance], jobs: int
) -> Mapping[str, CepstralMoments]:
    """Add up the moments of the recordings of each speaker; what cannot be read adds none."""
    found: dict[str, CepstralMoments] = {}
    if not model.by_speaker:
        return found

    def hear(utterance: Utterance) -> CepstralMoments | None:
        try:
            waveform = utterance.waveform(model.sample_rate)
        except SpeechAlignError:
            return None
        return model.hear(waveform.samples)

    pool = ThreadPoolExecutor(jobs)
    try:
        for utterance, own in zip(utterances, pool.map(hear, utterances)):
            if own is not None and utterance.speaker:
                before = found.get(utterance.speaker)
                found[utterance.speaker] = own if before is None else before + own
    finally:
        pool.shutdown(cancel_futures=True)
    return found
