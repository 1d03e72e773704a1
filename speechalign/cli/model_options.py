"""Options of the commands that load an acoustic model to align with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from speechalign.cli.options import option

if TYPE_CHECKING:
    from speechalign.aligners.aligner import Aligner

_Command = TypeVar("_Command", bound=Callable[..., object])


encoder_option = option(
    "--encoder",
    metavar="NAME",
    group="Model",
    help="Pretrained encoder of a neural HMM: a folder, or org/name on the Hugging Face "
    "hub (default: the one that the model was trained on, where it was then).",
)


def loading_options(function: _Command) -> _Command:
    """Add the options of loading a model, and ``--calibration``, to a command.

    Parameters
    ----------
    function : callable
        A command that takes ``device``, ``offline``, ``allow_pickle`` and ``encoder`` for
        ``load_model``, and ``calibration`` for ``Aligner``.
    """
    for add in (
        encoder_option,
        option(
            "--calibration",
            type=click.Path(path_type=Path),
            metavar="FILE",
            group="Model",
            help="File with the bias of the model's times, which `speechalign model inspect` "
            "measures (default: no bias)",
        ),
        option(
            "--allow-pickle",
            is_flag=True,
            group="Model",
            help="Read weights that are a Python pickle; tensors only, no code is run",
        ),
        option(
            "--offline",
            is_flag=True,
            group="Model",
            help="Use only models that were downloaded before, no network",
        ),
        option(
            "--device",
            metavar="NAME",
            group="Model",
            help="Device to compute on: cpu, cuda, cuda:1 ... (default: the GPU where there is one "
            "and the model can use it)",
        ),
    ):
        function = add(function)
    return function


own_dictionary_option = option(
    "--dictionary",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE",
    group="Dictionary",
    help="Pronunciations of your own, in MFA's or CMU's format, laid over the dictionary of the "
    "model, or a YAML file of speakers and their dictionaries; the last of several counts "
    "(default: none).",
)


def phone_options(function: _Command) -> _Command:
    """Add ``--phone-set``, ``--phone-names``, ``--pause-probability`` and ``--min-pause``."""
    for add in (
        option(
            "--min-pause",
            type=click.FloatRange(min=0),
            default=0.0,
            metavar="SECONDS",
            group="Output",
            help="Shortest pause between words; shorter ones are closed, half to each side",
        ),
        option(
            "--pause-probability",
            type=float,
            metavar="P",
            group="Model",
            help="Prior of a pause between two words, between 0 and 1 (default: the model's).",
        ),
        option(
            "--phone-names",
            type=click.Path(path_type=Path),
            metavar="FILE",
            group="Output",
            help="Names of phones to write instead: lines of a phone and its new name "
            "(default: none).",
        ),
        option(
            "--phone-set",
            metavar="NAME",
            group="Output",
            help="Phone set of the results: arpabet, arpabet-stress (AH0, AH1), ipa or xsampa "
            "(default: the names of the model).",
        ),
    ):
        function = add(function)
    return function


phones_option = option(
    "--phones",
    metavar="NAME",
    group="Dictionary",
    help="Source of pronunciations for the model universal: ipa, xsampa, espeak (with "
    "--language), graphemes, or a file with lines of letters, a tab and their phones "
    "(default: espeak with --language, else ipa).",
)


def aligner_options(function: _Command) -> Callable[..., object]:
    """Add the options of loading, pronunciations and phones to a command.

    Parameters
    ----------
    function : callable
        A command that takes ``load_aligner`` instead of them: a function from a model's name, or
        None for the default, and another language, if any, to an ``Aligner``; it can be pickled.
    """

    @option(
        "--language",
        metavar="CODE",
        group="Model",
        help="Language of the transcripts, such as de, for a model that reads several "
        "(default: the model's)",
    )
    @option(
        "--speaker-labels",
        metavar="REGEX",
        group="Corpus",
        help="Regular expression for names of speakers in transcripts, which are not said, such as "
        "'S[0-9]+:'; '' for none (default: 'Speaker 1:', and names where a line begins)",
    )
    @option(
        "--allow",
        metavar="NAMES",
        group="Corpus",
        help="Differences of text and audio, with commas: skips (words that are not said), repeats "
        "(passages said again, or in another order), insertions (sound that is not in the text), "
        "fillers (hesitation); for models of phones and CTC models (default: none)",
    )
    @option(
        "--with",
        "posteriors",
        metavar="NAMES",
        group="Output",
        help="What of the posteriors to write too, with commas: intervals (50 and 90 % credible "
        "intervals of boundaries), phone-confidence (posterior and goodness of pronunciation), "
        "n-best (pronunciations); for models of phones and CTC models (default: none)",
    )
    @loading_options
    @own_dictionary_option
    @phones_option
    @phone_options
    @option(
        "--corrections",
        type=click.Path(path_type=Path),
        metavar="FILE",
        group="Model",
        help="File with the bias of boundaries by kinds of phones, which `speechalign compare OUT "
        "--edited` estimates from corrections of yours (default: no bias)",
    )
    @wraps(function)
    def command(
        *,
        allow: str | None,
        posteriors: str | None,
        device: str | None,
        offline: bool,
        allow_pickle: bool,
        encoder: str | None,
        calibration: Path | None,
        language: str | None,
        dictionary: tuple[Path, ...],
        phones: str | None,
        phone_set: str | None,
        phone_names: Path | None,
        pause_probability: float | None,
        min_pause: float,
        speaker_labels: str | None,
        corrections: Path | None,
        **others: object,
    ) -> object:
        load_aligner = partial(
            _load_aligner,
            loading={
                "device": device,
                "offline": offline,
                "allow_pickle": allow_pickle,
                "encoder": encoder,
            },
            phone_names=phone_names,
            language=language,
            calibration=calibration,
            corrections=corrections,
            dictionary=dictionary or None,
            phones=phones,
            phone_set=phone_set,
            pause_probability=pause_probability,
            min_pause=min_pause,
            speaker_labels=speaker_labels,
            allow=_names(allow),
            posteriors=_names(posteriors),
        )

        return function(load_aligner=load_aligner, **others)

    return command


def _names(given: str | None) -> list[str]:
    """Return names that were given with commas between."""
    return [name.strip() for name in given.split(",")] if given else []


def _load_aligner(
    source: str | None,
    other: str | None = None,
    *,
    loading: Mapping[str, Any],
    phone_names: Path | None,
    language: str | None,
    **options: Any,
) -> Aligner:
    """Load a model and make its aligner, in this process or in another that it is sent to."""
    from speechalign.aligners.aligner import DEFAULT_MODEL, Aligner
    from speechalign.files.reading import read_text
    from speechalign.models import load_model
    from speechalign.text.phone_sets import read_map

    names = None
    if phone_names is not None:
        names = read_map(read_text(phone_names), str(phone_names))
    return Aligner(
        load_model(source or DEFAULT_MODEL, **loading),
        phone_names=names,
        language=other or language,
        **options,
    )
