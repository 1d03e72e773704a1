"""Voices: an aligner for each speaker of a corpus, where the model makes something of speakers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from speechalign.aligners.aligner import Aligner
from speechalign.corpus import Utterance
from speechalign.errors import SpeechAlignError
from speechalign.models import SpeakerModel

if TYPE_CHECKING:
    from speechalign.models.speakers import CepstralMoments


class Voices:
    """The aligner for each utterance of a corpus.

    Parameters
    ----------
    aligner : Aligner
        The loaded model.
    utterances : Sequence[Utterance]
        All of every speaker who is to be aligned: a model that normalises features by speaker hears
        all of their recordings that can be read, whatever the transcripts say. Neither the order
        nor ``jobs`` makes a difference to any bit.
    jobs : int
        Recordings heard at once, by threads.
    """

    def __init__(self, aligner: Aligner, utterances: Sequence[Utterance], *, jobs: int) -> None:
        self._aligner = aligner
        self._by_speaker: dict[str, Aligner] = {}
        if isinstance(aligner.model, SpeakerModel):
            named = [u for u in utterances if u.speaker and u.problem is None]
            heard = _hear(aligner.model, named, jobs)
            for name in {u.speaker for u in named if u.speaker}:
                self._by_speaker[name] = aligner.for_speaker(name, heard.get(name))

    def aligner(self, utterance: Utterance) -> Aligner:
        """Return the aligner for an utterance; one without a speaker is a speaker of its own."""
        return self._by_speaker.get(utterance.speaker or "", self._aligner)


def _hear(
    model: SpeakerModel, utterances: Sequence[Utterance], jobs: int
) -> Mapping[str, CepstralMoments]:
    """Add up what the recordings of each speaker tell; what cannot be read tells nothing."""
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
