"""Options of the commands that read a corpus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from speechalign.cli.messages import log
from speechalign.cli.options import option

if TYPE_CHECKING:
    from speechalign.corpus import Utterance

ReadCorpus = Callable[[Path], "list[Utterance]"]
"""From a path to the utterances of the corpus there."""

_Command = TypeVar("_Command", bound=Callable[..., object])


speakers_option = option(
    "--speakers",
    type=click.Path(path_type=Path),
    metavar="FILE.rttm",
    group="Corpus",
    help="File of speakers' turns, which give each word a speaker: RTTM, a TextGrid with a tier "
    "for each speaker, or a folder of such files (default: the speakers of the corpus)",
)


def corpus_options(function: _Command) -> Callable[..., object]:
    """Add ``--layout``, ``--speaker-characters``, ``--channel`` and ``--tier`` to a command.

    Parameters
    ----------
    function : callable
        A command that takes ``read_corpus`` instead of them: a function from a path to a list of
        ``Utterance``, which names on stderr the tiers that were left out.
    """

    @option(
        "--layout",
        callback=_known_layout,
        metavar="NAME",
        group="Corpus",
        help="Layout of the corpus: mfa, manifest, kaldi or lhotse (default: detected)",
    )
    @option(
        "--speaker-characters",
        type=click.IntRange(min=1),
        metavar="N",
        group="Corpus",
        help="Length of the speaker's name at the beginning of file names (default: the folder is "
        "the speaker)",
    )
    @option(
        "--channel",
        type=click.IntRange(min=0),
        metavar="C",
        group="Corpus",
        help="Channel of every sound file, counted from 0 (default: a mix of all channels, or "
        "the channel that the corpus gives)",
    )
    @option(
        "--tier",
        "tiers",
        multiple=True,
        metavar="NAME",
        group="Corpus",
        help="Tier of the TextGrids that holds utterances, alone or as 'SPEAKER - NAME'; may be "
        "given several times (default: 'utterances', else each tier but those called words, "
        "phones, notes ...)",
    )
    @wraps(function)
    def command(
        *,
        layout: str | None,
        speaker_characters: int | None,
        channel: int | None,
        tiers: tuple[str, ...],
        **others: object,
    ) -> object:
        def read(corpus: Path) -> list[Utterance]:
            from speechalign.corpus import read_corpus
            from speechalign.errors import InputError

            utterances = read_corpus(
                corpus,
                layout=layout,
                speaker_characters=speaker_characters,
                channel=channel,
                tiers=tiers,
            )
            if not utterances:
                raise InputError(
                    f"{corpus}: no recordings here; expected sound files, such as .wav or .mp3, or "
                    "lines of a manifest or a Kaldi directory that name some"
                )
            _name_left_out(utterances)
            return utterances

        return function(read_corpus=read, **others)

    return command


def _name_left_out(utterances: Sequence[Utterance]) -> None:
    """Print a line for each set of tiers that was left out."""
    recordings = {u.recording: u.tiers_left_out for u in utterances if u.tiers_left_out}
    for names, count in Counter(recordings.values()).items():
        log.info(
            "tiers left out of %d TextGrid%s: %s (--tier chooses)",
            count,
            "s" * (count > 1),
            ", ".join(names),
        )


def _known_layout(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> str | None:
    """Refuse a name that is no layout, once the option is given."""
    from speechalign.corpus import LAYOUTS

    if value is not None and value not in LAYOUTS:
        known = ", ".join(LAYOUTS)
        raise click.BadParameter(f"no layout {value!r}; there is: {known}", context, parameter)
    return value
