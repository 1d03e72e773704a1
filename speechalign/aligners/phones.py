"""Align with a model of phones in states: the best path of pronunciations, then boundaries."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, repeat
from typing import TYPE_CHECKING, cast

import numpy as np

from speechalign.aligners.misfits import (
    Reading,
    in_order_of_text,
    read_words,
    with_loud_pauses,
)
from speechalign.aligners.phone_boundaries import place_boundaries
from speechalign.aligners.phone_evidence import Judgement, PhoneJudge, pronunciation_posteriors
from speechalign.aligners.phone_misfits import (
    PENALTIES,
    find_phone_readings,
    rescore,
    steady_sound,
)
from speechalign.aligners.phone_noise import NoiseStates
from speechalign.aligners.posteriors import Posterior
from speechalign.aligners.result import AlignedUtterance
from speechalign.aligners.search import Search, best_path
from speechalign.aligners.sound_extent import Kind, cover_sound, inside, long_noise, restored
from speechalign.aligners.spoken_pauses import PauseJudge
from speechalign.aligners.steps import begin_step
from speechalign.alignment import Interval, Margins
from speechalign.audio.waveform import Waveform
from speechalign.emissions import Emissions
from speechalign.errors import AlignmentError, InputError
from speechalign.graphs.misfits import Misfit
from speechalign.kernels import viterbi
from speechalign.models import OpenPhoneModel, PhoneModel, PhoneSpan, SpeakerModel
from speechalign.pronunciation.lexicon import Lexicon, PronouncingModel, Pronunciations
from speechalign.text.dictionary import Variants
from speechalign.text.word import NOISE, Pronunciation, Word

if TYPE_CHECKING:
    from speechalign.models.speakers import CepstralMoments

_BESIDE = 2  # words on each side with which the readings of a token compete
_USUAL = 4.0  # a token's usual reading is so many times as probable as any other


@dataclass(frozen=True)
class _Found:
    """The best path: words as they were read, its phones and pauses, and what kind each of them is.

    ``times`` has one boundary more than there are spans, and ``margins`` as many, if asked for;
    ``deficits`` are the differences to the best sound in each frame of ``log_probs``.
    """

    words: Sequence[Word]
    spans: Sequence[PhoneSpan]
    kinds: Sequence[Kind]
    times: np.ndarray
    margins: Sequence[Margins | None]
    log_probs: np.ndarray
    deficits: np.ndarray
    score: float
    search: Search


class PhoneAligner:
    """A model of phones with its lexicon; safe to use from several threads at once.

    Parameters
    ----------
    model : PhoneModel
        Scores the states of phones, and has a dictionary.
    language : str
        Of the text: the model's.
    speaker_labels : str or None
        As `Aligner` has it.
    allow : Sequence of {"skips", "repeats", "insertions", "fillers"}
        As `Aligner` has it.
    posteriors : Sequence of {"intervals", "phone-confidence", "n-best"}
        As `Aligner` has it.

    Raises
    ------
    InputError
        The language is not the model's.
    """

    def __init__(
        self,
        model: PhoneModel,
        *,
        language: str,
        speaker_labels: str | None = None,
        allow: Sequence[Misfit] = (),
        posteriors: Sequence[Posterior] = (),
    ) -> None:
        if language != model.language:
            raise InputError(
                f"language: expected {model.language!r}, as {model.name} knows no other words; got "
                f"{language!r}; choose another model"
            )
        source: PronouncingModel = model
        if isinstance(model, OpenPhoneModel):  # has whatever phones come
            source = Pronunciations(language, model.dictionary, model.pronunciation, model.noise)
        self.lexicon = Lexicon(source, speaker_labels=speaker_labels)
        self.allow = allow
        self.posteriors = posteriors
        self.penalties = PENALTIES
        self._use(model)

    def _use(self, model: PhoneModel) -> None:
        self.model = model
        self._judge = PhoneJudge(model)
        self._noise = NoiseStates(model)
        self._pauses = PauseJudge(model)

    def _with_model(self, model: PhoneModel) -> PhoneAligner:
        found = copy.copy(self)
        found._use(model)
        return found

    def for_speaker(self, name: str, heard: CepstralMoments | None) -> PhoneAligner:
        """Return the same for one speaker, as `SpeakerModel.for_speaker` says; else itself."""
        if not isinstance(self.model, SpeakerModel):
            return self
        return self._with_model(cast(PhoneModel, self.model.for_speaker(name, heard)))

    def align(self, waveform: Waveform, text: str) -> AlignedUtterance:
        """Find the times of the words and phones of a transcript, as `Aligner.align` says.

        Notes
        -----
        The Viterbi path over all pronunciations and optional pauses says which phones were spoken;
        it is the best of all, also where it was searched in a band (`best_path`), unless
        ``search`` says that this could not be proven. Forward-backward over that sequence, with the
        acoustic scores scaled down, gives the distribution of each boundary, which
        `boundary_medians` turns into a time.

        The confidence of a word compares, frame by frame, the score of the sound that the path puts
        there with that of the best sound of all, and is the logistic function of the mean
        difference, with the model's calibration: an estimate of the probability that this word was
        said, if a random other word were as likely.

        A noise token is any sound, for as long as that fits better than the words. Where it lasts
        for a second or more, the rest is aligned once more without it, as features are relative to
        the mean of the recording. At the end it is stretched over all sound between its neighbours
        (`cover_sound`). Where text and audio need not fit, a beam first finds what is read
        (`find_readings`), and that is aligned.
        """
        words = self.lexicon.words(text)
        if not isinstance(self.model, OpenPhoneModel):
            return self._aligned(waveform, words)
        phones = {
            phone
            for word in words for variants in word.variants for said in variants for phone in said
        }  # fmt: skip
        one = self._with_model(self.model.with_phones(phones - {self.model.noise}))
        return one._aligned(waveform, words)

    def _aligned(self, waveform: Waveform, words: Sequence[Word]) -> AlignedUtterance:
        """Align the words of a transcript with a model that has their phones."""
        transcript = words
        samples, rate = waveform.samples, waveform.sample_rate
        readings: Sequence[Reading] = range(len(words))
        emissions = self._emit(samples)
        noisy = np.zeros(len(emissions[0]), np.bool_)
        if "insertions" in self.allow:
            noisy = steady_sound(self.model, emissions, samples)
            if noisy.any():
                rescore(self.model, emissions, samples, noisy)
        if self.allow:
            readings = find_phone_readings(
                self.model,
                emissions[0],
                words,
                noisy,
                allow=self.allow,
                penalties=self.penalties,
            )
            other = Word("", (NOISE,), "noise", variants=(((self.model.noise,),),))
            words = tuple(read_words(words, readings, other))
        found = self._search(samples, emissions, words, noisy)
        of_words = [[found.spans[k] for k in own] for own in _members(found.words, found.spans)]
        stretched = self._noise.stretched(found.words, of_words, len(found.deficits))
        if stretched.any():
            found = self._search(samples, emissions, words, noisy | stretched)
        times = found.times
        noise = long_noise(times, found.kinds, samples.size, rate)
        if noise:
            rest = samples[~inside(noise, samples.size)]
            again = self._search(rest, self._emit(rest), words)
            put_back = restored(again.times, again.kinds, noise, rate)
            if put_back is not None:
                found, times = again, put_back
        covered = cover_sound(times, found.kinds, samples, rate)
        aligned = self._timed(found, covered, covered != times)
        said, untranscribed = in_order_of_text(transcript, readings, aligned)
        if "insertions" in self.allow:
            untranscribed = with_loud_pauses(said, untranscribed, waveform)
        spoken_pauses: tuple[Interval, ...] = ()
        if {"insertions", "fillers"}.isdisjoint(self.allow):
            spoken_pauses = self._pauses.spoken(found.log_probs, found.spans, found.kinds, covered)
        return AlignedUtterance.of(
            said,
            waveform,
            untranscribed=untranscribed,
            spoken_pauses=spoken_pauses,
            log_likelihood=found.score / len(found.deficits),
            unit="phones",
            search=Search("beam", certified=False) if self.allow else found.search,
        )

    def _timed(self, found: _Found, times: np.ndarray, moved: np.ndarray) -> list[Word]:
        """Return the words with their phones, and what the posteriors say of both.

        ``times``, (K + 1,), are the boundaries of all spans, seconds. Those that were ``moved``,
        (K + 1,) bool, after the search have no credible intervals.
        """
        margins = [None if gone else own for own, gone in zip(found.margins, moved.tolist())]
        spans = found.spans
        members = _members(found.words, spans)
        judged = self._judged(found)
        pronunciations = self._pronunciations(found, members)
        timed = []
        for word, own, ways in zip(found.words, members, pronunciations):
            phones = tuple(
                Interval(
                    float(times[k]),
                    float(times[k + 1]),
                    self._phone_label(spans[k].phone),
                    judged[k].posterior,
                    margins[k],
                    margins[k + 1],
                    judged[k].goodness,
                )
                for k in own
            )
            frames = np.concatenate([np.arange(spans[k].begin, spans[k].end) for k in own])
            confidence = _sigmoid(self.model.calibration, float(found.deficits[frames].mean()))
            whole = Interval(
                phones[0].start,
                phones[-1].end,
                word.label,
                confidence,
                phones[0].start_margins,
                phones[-1].end_margins,
            )
            timed.append(replace(word, span=whole, phones=phones, pronunciations=ways))
        return timed

    def _emit(self, samples: np.ndarray) -> Emissions:
        """Score one recording."""
        begin_step("scoring", 0.0)
        return self.model.emit(samples[None], np.array([len(samples)], np.int64))

    def _search(
        self,
        samples: np.ndarray,
        emissions: Emissions,
        words: Sequence[Word],
        noisy: np.ndarray | None = None,
    ) -> _Found:
        """Find the best path, and the times of its phones; frames that are noise may be known."""
        log_probs = emissions[0]
        self._noise.widen(log_probs, words, noisy)
        duration = len(samples) / self.model.sample_rate
        if any(word.choices for word in words):
            words = self._chosen(log_probs, words, duration)
        begin_step("searching", 0.3)
        spans, labels, score, search = self._path(log_probs, words, duration)
        deficits = log_probs[np.arange(len(log_probs)), labels] - log_probs.max(axis=1)
        kinds: list[Kind] = ["silence"] * len(spans)
        for word, own in zip(words, _members(words, spans)):
            for k in own:
                kinds[k] = "noise" if word.is_any_sound else "word"
        times, margins = place_boundaries(
            self.model,
            self._noise,
            log_probs,
            emissions.grid,
            spans,
            samples,
            with_margins="intervals" in self.posteriors,
        )
        return _Found(words, spans, kinds, times, margins, log_probs, deficits, score, search)

    def _chosen(
        self, log_probs: np.ndarray, words: Sequence[Word], duration: float
    ) -> tuple[Word, ...]:
        """Choose what is said for the words that may be read in several ways.

        The best path through all of them, without pauses inside, says where each is. Its readings
        then compete there, with two words on each side and with pauses; the usual one counts as
        `_USUAL` times as probable as any other.
        """
        spans, *_ = self._path(log_probs, words, duration)
        members = _members(words, spans)
        chosen = list(words)
        for n, word in enumerate(words):
            if not word.choices:
                continue
            first, last = max(0, n - _BESIDE), min(n + _BESIDE, len(words) - 1)
            frames = slice(spans[members[first][0]].begin, spans[members[last][-1]].end)
            before = [v for other in chosen[first:n] for v in other.variants]
            after = [v for other in chosen[n + 1 : last + 1] for v in other.variants]
            readings = dict(word.choices)
            scores = {
                spoken: self._score(log_probs[frames], [*before, *variants, *after])
                for spoken, variants in readings.items()
            }
            scores[word.spoken] += math.log(_USUAL) / self.model.acoustic_scale
            best = max(readings, key=scores.__getitem__)
            chosen[n] = word.chosen(next(k for k, (s, _) in enumerate(word.choices) if s == best))
        return tuple(chosen)

    def _score(self, log_probs: np.ndarray, spoken: Sequence[Variants]) -> float:
        """Return the log-likelihood of a stretch; minus infinity if it is too short."""
        try:
            return viterbi(log_probs, self.model.graph(spoken)).score
        except AlignmentError:
            return -math.inf

    def _path(
        self, log_probs: np.ndarray, words: Sequence[Word], duration: float
    ) -> tuple[list[PhoneSpan], np.ndarray, float, Search]:
        """Find the best path through all pronunciations, and optional pauses.

        Returns its phones, the (T,) labels that it reads, its score, and how it was found.
        """
        spoken = [variants for word in words for variants in word.variants]
        graph = self.model.graph(spoken)
        try:
            path, search = best_path(log_probs, graph)
            spans = self.model.spans(graph, path.arcs)
            return spans, graph.labels[path.arcs], path.score, search
        except AlignmentError:
            self._check_length(spoken, len(log_probs), duration)
            raise

    def _phone_label(self, phone: str) -> str:
        return "spn" if phone == self.model.noise else phone

    def _judged(self, found: _Found) -> Sequence[Judgement]:
        """Judge the phones of a path, if asked for."""
        if "phone-confidence" not in self.posteriors:
            return [Judgement()] * len(found.spans)
        return self._judge.judge(found.log_probs, found.spans)

    def _pronunciations(
        self, found: _Found, members: Sequence[Sequence[int]]
    ) -> Iterator[tuple[tuple[Pronunciation, ...], ...]]:
        """Yield the pronunciations of each word with their posteriors, if asked for."""
        if "n-best" not in self.posteriors:
            yield from repeat((), len(found.words))
            return
        spoken = [variants for word in found.words for variants in word.variants]
        bounds = np.zeros((len(spoken), 2), np.int64)
        for k in (k for own in members for k in own):
            number = found.spans[k].position // 2
            bounds[number, 0] = bounds[number, 0] or found.spans[k].begin
            bounds[number, 1] = found.spans[k].end
        ways = iter(pronunciation_posteriors(self.model, found.log_probs, spoken, bounds))
        for word in found.words:
            yield tuple(islice(ways, len(word.variants)))

    def _check_length(
        self, spoken: Sequence[Sequence[Sequence[str]]], frames: int, duration: float
    ) -> None:
        """Refuse a transcript whose shortest pronunciation needs more frames than there are."""
        phones = [phone for variants in spoken for phone in min(variants, key=len)]
        needed = self.model.chain(phones).num_states - 1
        if needed > frames:
            raise AlignmentError(
                f"the transcript is longer than the audio can hold: its {len(phones)} phones need "
                f"at least {self.model.grid.seconds(needed):.2f} s, the audio lasts "
                f"{duration:.2f} s; check that they belong together"
            ) from None


def _sigmoid(calibration: tuple[float, float], deficit: float) -> float:
    """Map a mean log-likelihood deficit, at most 0, to a probability."""
    slope, intercept = calibration
    return 1.0 / (1.0 + math.exp(-(slope * deficit + intercept)))


def _members(words: Sequence[Word], spans: Sequence[PhoneSpan]) -> list[list[int]]:
    """Return the spans of each word."""
    owner = [number for number, word in enumerate(words) for _ in word.variants]
    members: list[list[int]] = [[] for _ in words]
    for k, span in enumerate(spans):
        if span.position % 2 == 1:
            members[owner[span.position // 2]].append(k)
    return members
