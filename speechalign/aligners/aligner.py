"""Align one utterance: a waveform and a transcript in, times of words and phones out."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast, runtime_checkable

from speechalign.aligners.result import AlignedUtterance
from speechalign.audio.waveform import Waveform, read_waveform
from speechalign.emissions import Emissions
from speechalign.errors import AlignmentError, InputError
from speechalign.language_codes import short_code
from speechalign.models import DictionaryModel, Model, PausingModel, load_model
from speechalign.models.calibration import Calibration, read_calibration
from speechalign.pronunciation.dictionaries import EVERYBODY, Dictionaries, read_dictionaries
from speechalign.pronunciation.phone_names import PhoneNames
from speechalign.registry import Registry

if TYPE_CHECKING:
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
    dictionary : str, Path, Dictionary or a sequence of them; or None
        Pronunciations of the user's own, laid over the model's: dictionaries, or a YAML file of
        speakers and their dictionaries, as `read_dictionaries` takes them.
    phone_set : {"arpabet", "arpabet-stress", "ipa", "xsampa"} or None
        What the phones are called in the results; None for the names of the model.
    phone_names : Mapping[str, str] or None
        Other names of some phones, after ``phone_set``.
    pause_probability : float or None
        Prior of a pause between two words, in (0, 1); None for that of the model.
    min_pause : float
        Seconds; shorter pauses between words are closed, half to each side.

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
        dictionary: Dictionaries | None = None,
        phone_set: str | None = None,
        phone_names: Mapping[str, str] | None = None,
        pause_probability: float | None = None,
        min_pause: float = 0.0,
    ) -> None:
        self.model = load_model(model) if isinstance(model, str | Path) else model
        if pause_probability is not None:
            if not isinstance(self.model, PausingModel):
                raise InputError(
                    f"pause_probability: {self.model.name} has no prior of pauses; leave it out, "
                    "or use an HMM-GMM"
                )
            self.model = self.model.with_pauses(pause_probability)
        if not min_pause >= 0:
            raise InputError(f"min_pause: expected seconds, at least 0, got {min_pause}")
        self.min_pause = min_pause
        self.language = self.model.language if language is None else short_code(language)
        self.bias = 0.0
        if calibration is not None:
            if not isinstance(calibration, Calibration):
                calibration = read_calibration(calibration)
            self.bias = calibration.bias_of(self.model)
        own = {} if dictionary is None else read_dictionaries(self.model, dictionary)
        self._names: PhoneNames | None = None
        if phone_set is not None or phone_names is not None:
            self._names = PhoneNames(
                self.model, phone_set=phone_set, names=phone_names, own=own.values()
            )
        make = cast(Callable[..., _Aligner], ALIGNERS[self.model.aligner])
        base = self.model

        def aligner_of(model: Model) -> _Aligner:
            return make(model, language=self.language)

        self._speakers: dict[str, _Aligner] = {}
        if isinstance(base, DictionaryModel) and own:
            self.model = base.with_dictionary(own.pop(EVERYBODY))
            for speaker, entries in own.items():
                self._speakers[speaker] = aligner_of(base.with_dictionary(entries))
        self._aligner = aligner_of(self.model)

    def for_speaker(self, name: str, heard: CepstralMoments | None) -> Aligner:
        """Return the aligner of one speaker: their dictionary, and what the model knows of them.

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
        """How much audio `emit` wants at once, in seconds; 0 where there is nothing to gain."""
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
        self, waveform: Waveform, text: str, *, emissions: Emissions | None = None
    ) -> AlignedUtterance:
        """Find the times of the words of a transcript, and of what they consist of.

        Parameters
        ----------
        waveform : Waveform
            At the sample rate of the model.
        text : str
            What is said, as written: casing, punctuation, numbers and symbols are kept as labels.
        emissions : Emissions or None
            What `emit` returned for this waveform; None to score it now.

        Returns
        -------
        AlignedUtterance
            As many words as the transcript has; none is left out or has no duration.

        Raises
        ------
        InputError
            The transcript has nothing to say, or the sample rate is not the model's.
        AlignmentError
            The transcript is longer than the recording can hold.
        """
        if waveform.sample_rate != self.model.sample_rate:
            raise InputError(
                f"waveform: expected {self.model.sample_rate} Hz for {self.model.name}, got "
                f"{waveform.sample_rate}; read it with sample_rate={self.model.sample_rate}"
            )
        if emissions is not None and isinstance(self._aligner, _EmittingAligner):
            result = self._aligner.align(waveform, text, emissions=emissions)
        else:
            result = self._aligner.align(waveform, text)
        if self.min_pause:
            result = result.without_short_pauses(self.min_pause)
        if self._names is not None:
            words = tuple(self._names.renamed(word) for word in result.words)
            result = replace(result, words=words)
        return result.shifted(-self.bias) if self.bias else result

    def align_file(
        self, audio: str | Path, text: str, *, channel: int | None = None
    ) -> AlignedUtterance:
        """Align a sound file with its transcript, as `align` with this model."""
        waveform = read_waveform(audio, sample_rate=self.model.sample_rate, channel=channel)
        try:
            return self.align(waveform, text)
        except AlignmentError as error:
            raise AlignmentError(f"{audio}: {error}") from None


def align(
    audio: str | Path,
    text: str,
    *,
    model: str | Path | Model = DEFAULT_MODEL,
    language: str | None = None,
    channel: int | None = None,
) -> AlignedUtterance:
    """Align one recording with its transcript.

    Parameters
    ----------
    audio : str or Path
        Sound file of any sample rate and channel count.
    text : str
        What is said in it.
    model : str, Path or Model
        Acoustic model, or what `speechalign.models.load_model` takes.
    language : str or None
        Of the text, where the model reads several.
    channel : int or None
        Channel to use, counted from 0; None takes the mean of all.

    Returns
    -------
    AlignedUtterance
        Times of words and their parts, with confidence; ``.alignment`` can be written to a file.

    Raises
    ------
    InputError
        The audio cannot be read, or the transcript has nothing to say.
    AlignmentError
        The transcript is longer than the recording can hold.

    Examples
    --------
    >>> import speechalign
    >>> result = speechalign.align("hello.wav", "Hello, world!")  # doctest: +SKIP
    >>> speechalign.write_alignment(result.alignment, "hello.TextGrid")  # doctest: +SKIP
    """
    return Aligner(model, language=language).align_file(audio, text, channel=channel)
