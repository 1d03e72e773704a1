"""Reading a corpus of any layout."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol, cast, runtime_checkable

from speechalign.corpus.conflicts import mark_conflicts
from speechalign.corpus.utterance import Utterance
from speechalign.errors import InputError, wrong_type
from speechalign.files.names import composed
from speechalign.registry import Registry


class Layout(Protocol):
    """Interface of a module that reads one layout of corpora."""

    def recognises(self, path: Path) -> bool:
        """Return whether ``path`` looks like this layout."""
        ...

    def read(self, path: Path, *, speaker_characters: int | None = None) -> list[Utterance]:
        """Read everything; what cannot be used has a ``problem``."""
        ...


@runtime_checkable
class _TieredLayout(Protocol):
    def read_tiers(
        self, path: Path, tiers: Sequence[str], *, speaker_characters: int | None = None
    ) -> list[Utterance]: ...


LAYOUTS = Registry(
    "speechalign.corpus",
    {
        "kaldi": "speechalign.corpus.kaldi",
        "lhotse": "speechalign.corpus.lhotse",
        "manifest": "speechalign.corpus.manifest",
        "mfa": "speechalign.corpus.mfa",
    },
)


def read_corpus(
    path: str | Path,
    *,
    layout: str | None = None,
    speaker_characters: int | None = None,
    channel: int | None = None,
    tiers: str | Sequence[str] = (),
) -> list[Utterance]:
    """Read the utterances of a corpus.

    Parameters
    ----------
    path : str or Path
        A folder, a manifest, or one sound file.
    layout : str or None
        Name in ``LAYOUTS``. None takes the first that recognises ``path``, in the order of their
        names, but ``mfa`` last, as it takes any folder: a folder with ``wav.scp`` is ``kaldi``, a
        cut set is ``lhotse``, any other ``.jsonl`` or ``.json`` file is ``manifest``.
    speaker_characters : int or None
        How many first characters of a file name are the speaker: instead of the folder's name in
        ``mfa``, and in the others where no speaker is given.
    channel : int or None
        Channel of every utterance, counted from 0; None leaves what the layout says.
    tiers : str or sequence of str
        Name of the tier of TextGrids that holds the utterances, or several names; without names,
        the tiers are chosen as `speechalign.corpus.tiers.choose_tiers` says.

    Returns
    -------
    list of Utterance
        By recording, then by start, then by id, all names in composed characters (NFC). Those that
        cannot be used have a ``problem``.

    Raises
    ------
    InputError
        ``path`` or a file of it cannot be read, no layout fits it, or an option is out of range.
    FormatError
        A file of the corpus is damaged as a whole.
    """
    if not isinstance(path, str | os.PathLike):
        raise wrong_type("path", "the path of a corpus", path)
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: there is no such file or folder; check its name")
    if speaker_characters is not None and speaker_characters < 1:
        raise InputError(f"speaker_characters: expected 1 or more, got {speaker_characters}")
    if channel is not None and channel < 0:
        raise InputError(f"channel: expected 0 or more, got {channel}")
    name = layout or _detect(path)
    reader = cast(Layout, LAYOUTS[name])
    try:
        if not tiers:
            utterances = reader.read(path, speaker_characters=speaker_characters)
        elif isinstance(reader, _TieredLayout):
            names = (tiers,) if isinstance(tiers, str) else tiers
            utterances = reader.read_tiers(path, names, speaker_characters=speaker_characters)
        else:
            raise InputError(f"tiers: a corpus of the layout {name!r} has none; leave out --tier")
    except OSError as error:
        raise InputError(f"{error.filename}: cannot be read: {error.strerror}") from None
    if channel is not None:
        utterances = [replace(utterance, channel=channel) for utterance in utterances]
    named = [
        replace(
            utterance,
            id=composed(utterance.id),
            recording=composed(utterance.recording),
            speaker=None if utterance.speaker is None else composed(utterance.speaker),
        )
        for utterance in utterances
    ]
    return sorted(mark_conflicts(named), key=lambda u: (u.recording, u.start, u.id))


def _detect(path: Path) -> str:
    for name in sorted(LAYOUTS, key=lambda name: (name == "mfa", name)):
        if cast(Layout, LAYOUTS[name]).recognises(path):
            return name
    raise InputError(
        f"{path}: not a corpus; expected a folder with sound files and transcripts, one sound "
        "file, a Kaldi data directory, a JSONL manifest or a lhotse cut set"
    )
