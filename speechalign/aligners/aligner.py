"""Align one utterance: a waveform and a transcript in, times of words and phones out."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast, runtime_checkable

from speechalign.aligners.boundary_bias import BoundaryBias, read_boundary_bias
from speechalign.aligners.misfits import MISFITS
from speechalign.aligners.posteriors import POSTERIORS
from speechalign.aligners.result import AlignedUtterance
from speechalign.audio.sources import as_waveform
from speechalign.audio.waveform import Waveform
from speechalign.checks import check_names
from speechalign.emissions import Emissions
from speechalign.errors import AlignmentError, InputError, wrong_type
from speechalign.language_codes import short_code
from speechalign.models import DictionaryModel, Model, OpenPhoneModel, PausingModel, load_model
from speechalign.models.calibration import Calibration, read_calibration
from speechalign.models.content import content_hash
from speechalign.pronunciation.dictionaries import EVERYBODY, Dictionaries, read_dictionaries
from speechalign.pronunciation.phone_names import PhoneNames
from speechalign.pronunciation.phone_sources import with_phone_source
from speechalign.registry import Registry

if TYPE_CHECKING:
    from speechalign.audio.sources import Audio
    from speechalign.models.speakers import CepstralMoments

DEFAULT_MODEL = "english-sphinx"

ALIGNERS = Registry(
    "speechalign.aligners",
    {
        "phones": "speechalign.aligners.phones:PhoneAligner",
        "ctc": "speechalign.aligners.ctc:CtcAligner",
        "attention": "speechalign.aligners.attention:AttentionAligner",
    },
)
"""By the ``aligner`` of a model: a class that is made of the model and the language, and aligns."""


class _Aligner(Protocol):
    model: Model

    def align(self, waveform: Waveform, text: str) -> AlignedUtterance: ...


@runtime_checkable
class _EmittingAligner(Protocol):
    model: Model

    def emit(self, waveforms: Sequence[Waveform]) -> list[Emissions]: ...

    def align(
        self, waveform: Waveform, text: str, *, emissions: Emissions | None = None
    ) -> AlignedUtterance: ...


@runtime_checkable
class _SpeakerAligner(_Aligner, Protocol):
    def for_speaker(self, name: str, heard: CepstralMoments | None) -> _Aligner: ...


class Aligner:
    """A loaded model, ready for any number of utterances; safe to use from several threads at once.

    Parameters
    ----------
    model : str, Path or Model
        An acoustic model, or what `speechalign.models.load_model` takes.
    language : str or None
        ISO 639-1 or 639-3 code of the text, for a model that reads several languages; None for what
        the model says.
    calibration : str, Path, Calibration or None
        The bias that is taken off the model's times, or the file that ``speechalign model inspect
        --save-calibration`` wrote; None for no correction.
    corrections : str, Path, BoundaryBias or None
        The bias by kinds of phones that is taken off the model's times, or the file that
        ``speechalign compare OUT --edited --save-corrections`` wrote; None for no correction.
    dictionary : str, Path, Dictionary or a sequence of them; or None
        Pronunciations of the user's own, laid over the model's: dictionaries, or a YAML file of
        speakers and their dictionaries, as `read_dictionaries` takes them.
    phones : str or None
        Source of the pronunciations, for a model that has any phone of IPA (`OpenPhoneModel`):
        ``"ipa"`` or ``"xsampa"`` for transcripts in a phonetic alphabet, a name in
        ``speechalign.text.PRONUNCIATIONS`` such as ``"espeak"``, or the file of a table of letters
        and their phones. None for ``"espeak"`` where there is a language, else for ``"ipa"``.
    phone_set : {"arpabet", "arpabet-stress", "ipa", "xsampa"} or None
        What the phones are called in the results; None for the names of the model.
    phone_names : Mapping[str, str] or None
        Other names of some phones, after ``phone_set``.
    pause_probability : float or None
        Prior of a pause between two words, in (0, 1); None for that of the model.
    min_pause : float
        Seconds; shorter pauses between words are closed, half to each side.
    speaker_labels : str or None
        Regular expression for what names a speaker in a transcript and is not said, such as
        ``"[A-Z][0-9]+:"``; empty for nothing. None for what looks like it, as
        `speechalign.text.tokens.tokens` says.
    allow : Collection of {"skips", "repeats", "insertions", "fillers"}
        What text and audio may differ in: words that are not said, passages that are said again or
        in another order, sound that is not in the text, hesitation and noise between words. Not for
        models that listen to a text as a whole.
    posteriors : Collection of {"intervals", "phone-confidence", "n-best"}
        What of the posteriors the results have, too: credible intervals of boundaries, posterior
        and goodness of pronunciation of phones, pronunciations. For models of phones and CTC.

    Raises
    ------
    InputError
        There is no such model, it reads one language only and that is another, the calibration was
        measured on another model, or there is a dictionary or a phone set and the model has no
        phones that it could be about.
    FormatError
        A line of a dictionary cannot be read, or names a phone that the model lacks.
    BackendError
        A package that the model needs is missing.
    """

    def __init__(
        self,
        model: str | Path | Model = DEFAULT_MODEL,
        *,
        language: str | None = None,
        calibration: str | Path | Calibration | None = None,
        corrections: str | Path | BoundaryBias | None = None,
        dictionary: Dictionaries | None = None,
        phones: str | None = None,
        phone_set: str | None = None,
        phone_names: Mapping[str, str] | None = None,
        pause_probability: float | None = None,
        min_pause: float = 0.0,
        speaker_labels: str | None = None,
        allow: Collection[str] = (),
        posteriors: Collection[str] = (),
    ) -> None:
        self.model = load_model(model) if isinstance(model, str | Path) else model
        if not isinstance(getattr(self.model, "aligner", None), str):
            raise wrong_type("model", "a name, a path or a loaded model", model)
        if language is not None and not isinstance(language, str):
            raise wrong_type("language", "an ISO 639 code such as 'en'", language)
        self.model = with_phone_source(self.model, phones, language)
        if pause_probability is not None:
            if not isinstance(self.model, PausingModel):
                raise InputError(
                    f"pause_probability: {self.model.name} has no prior of pauses; leave it out, "
                    "or use an HMM-GMM"
                )
            self.model = self.model.with_pauses(pause_probability)
        if not isinstance(min_pause, int | float):
            raise wrong_type("min_pause", "seconds", min_pause)
        if not min_pause >= 0:
            raise InputError(f"min_pause: expected seconds, at least 0, got {min_pause}")
        self.min_pause = min_pause
        self._speaker_labels = speaker_labels
        self.allow = check_names("allow", allow, MISFITS)
        if self.allow and self.model.aligner not in ("phones", "ctc"):
            raise InputError(
                f"allow: expected a model that scores frames, and {self.model.name} listens to a "
                "text as a whole; leave it out, or use a model of phones or CTC"
            )
        self.posteriors = check_names("posteriors", posteriors, POSTERIORS)
        if self.posteriors and self.model.aligner not in ("phones", "ctc"):
            raise InputError(
                f"posteriors: {self.model.name} aligns by attention, which has none of boundaries "
                f"and phones; leave {', '.join(self.posteriors)} out, or use a model of phones or "
                "a CTC model"
            )
        given: dict[str, object] = {}
        if self.allow:
            given["allow"] = self.allow
        if self.posteriors:
            given["posteriors"] = self.posteriors
        if language is None or isinstance(self.model, OpenPhoneModel):
            self.language = self.model.language
        else:
            self.language = short_code(language)
        self.bias = 0.0
        if calibration is not None:
            if not isinstance(calibration, Calibration):
                calibration = read_calibration(calibration)
            self.bias = calibration.bias_of(self.model)
        if isinstance(corrections, str | os.PathLike):
            corrections = read_boundary_bias(corrections)
        if corrections is not None:
            corrections.check(self.model)
        self._corrections = corrections
        own = {} if dictionary is None else read_dictionaries(self.model, dictionary)
        stress = {speaker: sorted(one.stress.items()) for speaker, one in sorted(own.items())}
        self._phone_set = (
            f"{phone_set}, {content_hash(sorted((phone_names or {}).items()), stress)}"
        )
        self._names: PhoneNames | None = None
        if phone_set is not None or phone_names is not None:
            self._names = PhoneNames(
                self.model, phone_set=phone_set, names=phone_names, own=own.values()
            )
        make = cast(Callable[..., _Aligner], ALIGNERS[self.model.aligner])
        base = self.model

        def aligner_of(model: Model) -> _Aligner:
            return make(model, language=self.language, speaker_labels=speaker_labels, **given)

        self._speakers: dict[str, _Aligner] = {}
        if isinstance(base, DictionaryModel) and own:
            self.model = base.with_dictionary(own.pop(EVERYBODY))
            for speaker, entries in own.items():
                self._speakers[speaker] = aligner_of(base.with_dictionary(entries))
        self._aligner = aligner_of(self.model)

    def settings(self) -> dict[str, str]:
        """Return what times depend on beside recording, transcript, version and name of the model.

        Returns
        -------
        dict
            What, in words, to its value, or a hash of it.
        """
        found = self._corrections
        speakers = {name: own.model.content_hash for name, own in sorted(self._speakers.items())}
        return {
            "content or dictionary of the model": content_hash(self.model.content_hash, speakers),
            "language": self.language,
            "calibration": f"{self.bias:+.6f} s",
            "corrections": "none" if found is None else found.content_hash,
            "phone set": self._phone_set,
            "shortest pause": f"{self.min_pause:g} s",
            "speaker labels": str(self._speaker_labels),
            "what text and audio may differ in": ", ".join(self.allow),
            "what of the posteriors is in the results": ", ".join(self.posteriors),
        }

    def for_speaker(self, name: str, heard: CepstralMoments | None) -> Aligner:
        """Return the aligner of one speaker: with their dictionary and the model adapted to them.

        Parameters
        ----------
        name : str
            The speaker.
        heard : CepstralMoments or None
            As `SpeakerModel.for_speaker` takes it.
        """
        own = self._speakers.get(name, self._aligner)
        if isinstance(own, _SpeakerAligner):
            own = own.for_speaker(name, heard)
        if own is self._aligner:
            return self
        found = copy.copy(self)
        found._aligner, found.model = own, own.model
        return found

    @property
    def batch_seconds(self) -> float:
        """Audio in a batch of `emit`, in seconds; 0 without batches."""
        if not isinstance(self._aligner, _EmittingAligner):
            return 0.0
        return float(getattr(self.model, "batch_seconds", 0.0))

    def emit(self, waveforms: Sequence[Waveform]) -> list[Emissions] | list[None]:
        """Score recordings together, for `align`.

        Parameters
        ----------
        waveforms : Sequence[Waveform]
            At the sample rate of the model.

        Returns
        -------
        list of Emissions or None
            What `align` takes for each; None if this model scores when it aligns.

        Raises
        ------
        InputError
            A sample rate is not the model's.
        """
        if isinstance(self._aligner, _EmittingAligner):
            return self._aligner.emit(waveforms)
        return [None] * len(waveforms)

    def align(
        self,
        audio: Audio,
        text: str,
        *,
        sample_rate: int | None = None,
        channel: int | None = None,
        emissions: Emissions | None = None,
    ) -> AlignedUtterance:
        """Find the times of the words of a transcript, and of their phones or letters.

        Parameters
        ----------
        audio : path, binary file, ndarray, Tensor or Waveform
            A sound file of any sample rate and number of channels, by its name or open; or samples,
            shape (N,), (N, C) or (C, N), floating with full scale 1, or int16 or int32.
        text : str
            What is said, as written: casing, punctuation, numbers and symbols are kept as labels.
        sample_rate : int or None
            Hz, of an array or tensor; None for the others, which know theirs.
        channel : int or None
            Channel to take, counted from 0; None for a mix of all.
        emissions : Emissions or None
            What `emit` returned for this waveform; None to score it now.

        Returns
        -------
        AlignedUtterance
            As many words as the transcript has; none is left out or has no duration.

        Raises
        ------
        InputError
            An argument is of a wrong type, the audio cannot be read, or the transcript has nothing
            to say.
        AlignmentError
            The transcript is longer than the recording can hold.
        """
        if not isinstance(text, str):
            raise wrong_type("text", "the transcript as a str", text, "join words with spaces")
        waveform = as_waveform(
            audio, sample_rate=sample_rate, channel=channel, target_rate=self.model.sample_rate
        )
        try:
            if emissions is not None and isinstance(self._aligner, _EmittingAligner):
                result = self._aligner.align(waveform, text, emissions=emissions)
            else:
                result = self._aligner.align(waveform, text)
        except AlignmentError as error:
            if not isinstance(audio, str | os.PathLike):
                raise
            raise AlignmentError(f"{os.fspath(audio)}: {error}") from None
        if self._corrections is not None:
            result = self._corrections.taken_off(result)
        if self.min_pause:
            result = result.without_short_pauses(self.min_pause)
        if self._names is not None:
            words = tuple(self._names.renamed(word) for word in result.words)
            result = replace(result, words=words)
        return result.shifted(-self.bias) if self.bias else result


def align(
    audio: Audio,
    text: str,
    *,
    sample_rate: int | None = None,
    channel: int | None = None,
    model: str | Path | Model = DEFAULT_MODEL,
    language: str | None = None,
    dictionary: Dictionaries | None = None,
) -> AlignedUtterance:
    """Align one recording with its transcript.

    A model that is named is loaded by the first call and kept for the next ones, as long as its
    files do not change; the last two are kept. `Aligner` has more options.

    Parameters
    ----------
    audio : path, binary file, ndarray, Tensor or Waveform
        A sound file of any sample rate and number of channels, by its name or open; or samples,
        shape (N,), (N, C) or (C, N), floating with full scale 1, or int16 or int32.
    text : str
        What is said in it, as written.
    sample_rate : int or None
        Hz, of an array or tensor; None for the others, which know theirs.
    channel : int or None
        Channel to take, counted from 0; None for a mix of all.
    model : str, Path or Model
        Acoustic model, or what `speechalign.models.load_model` takes.
    language : str or None
        ISO 639 code of the text, for a model that reads several languages.
    dictionary : str, Path, Dictionary or a sequence of them; or None
        Pronunciations of the user's own, as for `Aligner`.

    Returns
    -------
    AlignedUtterance
        The words with their times, confidences, and phones or letters: iterate over it, plot it, or
        ``save`` it to a file.

    Raises
    ------
    InputError
        An argument is of a wrong type, the audio cannot be read, or the transcript has nothing to
        say.
    AlignmentError
        The transcript is longer than the recording can hold.
    BackendError
        A package that the model needs is missing.

    Examples
    --------
    >>> import speechalign
    >>> result = speechalign.align("hello.wav", "Hello, world!")  # doctest: +SKIP
    >>> [(word.label, word.start, word.end) for word in result]  # doctest: +SKIP
    [('Hello,', 0.31, 0.68), ('world!', 0.74, 1.22)]
    >>> result.save("hello.TextGrid")  # doctest: +SKIP
    """
    if isinstance(model, str | os.PathLike):
        model = _loaded(os.fspath(model), _state(Path(model)))
    aligner = Aligner(model, language=language, dictionary=dictionary)
    return aligner.align(audio, text, sample_rate=sample_rate, channel=channel)


@lru_cache(maxsize=2)
def _loaded(source: str, state: tuple[tuple[str, int, int], ...]) -> Model:  # noqa: ARG001
    """Load a model, once for each state of its files."""
    return load_model(source)


def _state(path: Path) -> tuple[tuple[str, int, int], ...]:
    """Return name, time of change and size of each file of a model; nothing for a model's name."""
    files = path.rglob("*") if path.is_dir() else [path]
    found = [(file, file.stat()) for file in sorted(files) if file.is_file()]
    return tuple((str(file.absolute()), stat.st_mtime_ns, stat.st_size) for file, stat in found)
