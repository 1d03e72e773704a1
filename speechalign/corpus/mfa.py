"""The Montreal Forced Aligner's layout: a tree of sound files with their transcripts beside them.

``SPEAKER/x.wav`` has its transcript in ``SPEAKER/x.lab``, else ``SPEAKER/x.txt``, else in
``SPEAKER/x.TextGrid``, which has one tier per speaker, named after the speaker, whose intervals
with text are the utterances, or other tiers that `choose_tiers` finds. Suffixes may be in
capitals. Files and folders whose names begin with a dot are left out, and so are README and
LICENSE files, and folders inside the tree that ``speechalign align`` wrote. A sound file by itself
is a corpus of one recording, with the transcript that lies beside it.

See https://montreal-forced-aligner.readthedocs.io/en/latest/user_guide/corpus_structure.html
"""

from __future__ import annotations

import os
import warnings
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path

from speechalign.audio.media import SUFFIXES as MEDIA
from speechalign.audio.sound_file import sound_info
from speechalign.corpus.tiers import choose_tiers
from speechalign.corpus.utterance import Utterance
from speechalign.errors import InputError, SpeechAlignError, SpeechAlignWarning
from speechalign.files.names import composed
from speechalign.files.reading import read_text
from speechalign.files.textgrid import read_textgrid
from speechalign.files.tier_names import layer

_COMMON = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".aif")
SOUND_SUFFIXES = (*_COMMON, *MEDIA)
_TEXT_SUFFIXES = (".lab", ".txt")
_NOT_A_TRANSCRIPT = {"readme", "license", "licence", "copying", "changelog", "notice",
                     "oovs_found"}  # fmt: skip
# Only results have it; at the root they were asked for beside the recordings.
_SIGN_OF_RESULTS = "alignment_manifest.jsonl"


@dataclass
class _Recording:
    """The files of one folder that share a stem."""

    sounds: list[Path] = field(default_factory=list)
    texts: list[Path] = field(default_factory=list)
    grids: list[Path] = field(default_factory=list)
    others: list[Path] = field(default_factory=list)

    def add(self, entry: Path) -> None:
        """Add a file, by what its suffix says."""
        suffix = entry.suffix.lower()
        if suffix in SOUND_SUFFIXES:
            self.sounds.append(entry)
        elif suffix in _TEXT_SUFFIXES:
            if entry.stem.lower() not in _NOT_A_TRANSCRIPT:
                self.texts.append(entry)
        elif suffix == ".textgrid":
            self.grids.append(entry)
        else:
            self.others.append(entry)


def recognises(path: Path) -> bool:
    """Return whether this is a folder, which may be a tree of sound files, or a sound file."""
    return path.is_dir() or path.suffix.lower() in SOUND_SUFFIXES


def read(path: Path, *, speaker_characters: int | None = None) -> list[Utterance]:
    """Read a tree of sound files and transcripts, as `read_tiers` without names of tiers."""
    return read_tiers(path, (), speaker_characters=speaker_characters)


def read_tiers(
    path: Path, tiers: Sequence[str], *, speaker_characters: int | None = None
) -> list[Utterance]:
    """Read a tree of sound files and transcripts.

    Parameters
    ----------
    path : Path
        Root of the tree, or a sound file.
    tiers : sequence of str
        Names of the tiers of TextGrids that hold utterances, as `choose_tiers` takes them.
    speaker_characters : int or None
        Speakers are the first so many characters of the file names; None takes the folder that
        a file is in, and no speaker for files in the root.

    Returns
    -------
    list of Utterance
        One for each sound file with a ``.lab`` or ``.txt``, and one for each interval with text of
        a tier of utterances (``SPEAKER/x#1`` and on, in time order). What cannot be used has a
        ``problem``.

    Notes
    -----
    As in the Montreal Forced Aligner, a sound file with exactly two channels and a TextGrid with
    two or more speaker tiers is taken for a conversation: the first half of the tiers (the larger
    one, where the number is odd) is on channel 0, the rest on channel 1.
    """
    utterances = []
    found = _folders(path) if path.is_dir() else _alone(path)
    for folder, recordings in sorted(found.items()):
        for stem, recording in sorted(recordings.items()):
            key = f"{folder}/{stem}" if folder else stem
            printable = key.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
            if printable != key:
                problem = f"the name of {printable} is not UTF-8; rename it, e.g. with convmv"
                audio = path / (printable + SOUND_SUFFIXES[0])
                utterances.append(Utterance(printable, printable, audio, "", problem=problem))
                continue
            if speaker_characters is not None:
                speaker: str | None = stem[:speaker_characters]
            else:
                speaker = folder.rpartition("/")[2] or None
            utterances += _utterances(key, speaker, recording, tiers)
    _note_contradictions(r for recordings in found.values() for r in recordings.values())
    return utterances


def _note_contradictions(recordings: Iterable[_Recording]) -> None:
    """Warn once of recordings with a .lab and a .txt that differ: the .lab is read."""
    both = (sorted(r.texts, key=_by_suffix) for r in recordings if r.sounds and len(r.texts) > 1)
    differ = [(read, others[0]) for read, *others in both if _differ(read, others[0])]
    if differ:
        read, other = differ[0]
        more = f" ({len(differ) - 1} more recordings have two)" if len(differ) > 1 else ""
        warnings.warn(
            f"{read} is the transcript, not {other.name}, which differs; remove one{more}",
            SpeechAlignWarning,
            stacklevel=3,
        )


def _differ(one: Path, other: Path) -> bool:
    try:
        return read_text(one).split() != read_text(other).split()
    except (SpeechAlignError, OSError):  # of the transcript, it is said with the utterance
        return False


def _by_suffix(path: Path) -> str:
    return path.suffix.lower()


def _folders(root: Path) -> dict[str, dict[str, _Recording]]:
    """Return the files of a tree by folder and stem, in composed characters.

    Links are followed, loops are not. A folder is named from the root, with ``/``.
    """
    seen: set[str] = set()
    found: dict[str, dict[str, _Recording]] = defaultdict(lambda: defaultdict(_Recording))
    for name, folders, files in os.walk(root, followlinks=True):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        real = os.path.realpath(name)
        if real in seen or (_SIGN_OF_RESULTS in files and Path(name) != root):
            folders.clear()
            continue
        seen.add(real)
        key = Path(name).relative_to(root).as_posix()
        recordings = found["" if key == "." else composed(key)]
        # A folder that is called x.wav is reported when the sound file is opened.
        for file in sorted(files + [f for f in folders if f.lower().endswith(SOUND_SUFFIXES)]):
            entry = Path(name, file)
            if not file.startswith("."):
                recordings[composed(entry.stem)].add(entry)
    return found


def _alone(sound: Path) -> dict[str, dict[str, _Recording]]:
    """Return a sound file and the transcripts beside it, as `_folders` returns a tree."""
    recording, stem = _Recording(), composed(sound.stem)
    for entry in sorted(sound.parent.iterdir()):
        another = entry.suffix.lower() in SOUND_SUFFIXES and entry.name != sound.name
        if composed(entry.stem) == stem and not another:
            recording.add(entry)
    return {"": {stem: recording}}


def _utterances(
    key: str, speaker: str | None, recording: _Recording, tiers: Sequence[str]
) -> list[Utterance]:
    sounds = recording.sounds
    transcripts = sorted(recording.texts, key=_by_suffix) + recording.grids
    if not sounds and not transcripts:
        return []
    if not sounds:
        found = ", ".join(other.name for other in recording.others)
        problem = (
            f"{transcripts[0]}: no sound file beside it"
            + (f" but {found}, which cannot be read" if found else "")
            + f"; expected one of {' '.join(Path(key).name + s for s in _COMMON)}"
        )
        expected = transcripts[0].with_suffix(SOUND_SUFFIXES[0])
        return [Utterance(key, key, expected, "", speaker, problem=problem)]
    if len(sounds) > 1:
        names = " and ".join(sound.name for sound in sounds)
        problem = f"{names} in {sounds[0].parent} are for one transcript; rename or remove one"
        return [
            Utterance(key + sound.suffix, key, sound, "", speaker, problem=problem)
            for sound in sounds
        ]
    sound = sounds[0]
    if not transcripts:
        stem = sound.stem
        problem = f"{sound}: no transcript beside it ({stem}.lab, {stem}.txt or {stem}.TextGrid)"
        return [Utterance(key, key, sound, "", speaker, problem=problem)]
    try:
        if transcripts[0] in recording.grids:
            return _grid_utterances(key, speaker, sound, transcripts[0], tiers)
        text = read_text(transcripts[0]).strip()
        if not text:
            raise InputError(f"{transcripts[0]}: the transcript is empty; write what was said")
    except SpeechAlignError as error:
        problem = str(error)
    except OSError as error:
        problem = f"{transcripts[0]}: cannot be read: {error.strerror}"
    else:
        return [Utterance(key, key, sound, text, speaker)]
    return [Utterance(key, key, sound, "", speaker, problem=problem)]


def _grid_utterances(
    key: str, speaker: str | None, sound: Path, path: Path, wanted: Sequence[str]
) -> list[Utterance]:
    """Return the utterances of a TextGrid."""
    choice = choose_tiers(read_textgrid(path), path, wanted)
    if choice.words is not None:
        marks = sorted(choice.words.tier.marks, key=lambda mark: mark.start)
        text = " ".join(mark.text.strip() for mark in marks if mark.text.strip())
        who = choice.words.speaker or speaker
        return [Utterance(key, key, sound, text, who, tiers_left_out=choice.left_out)]
    spans = sorted(
        (mark.start, number, mark.end, mark.text.strip())
        for number, speech in enumerate(choice.speech)
        for mark in speech.tier.marks
        if mark.text.strip()
    )
    if not spans:
        raise InputError(f"{path}: no interval has text; write each utterance into one")
    speakers = [
        layer(speech.speaker or speaker or "unknown", speech.layer)
        if speech.layer > 1
        else speech.speaker or speaker
        for speech in choice.speech
    ]
    channels = _tier_channels(sound, [speech.layer for speech in choice.speech])
    return [
        Utterance(
            f"{key}#{count}",
            key,
            sound,
            text,
            speakers[number],
            start,
            end,
            channels[number],
            segmented=True,
            tiers_left_out=choice.left_out,
        )
        for count, (start, number, end, text) in enumerate(spans, 1)
    ]


def _tier_channels(sound: Path, layers: Sequence[int]) -> list[int | None]:
    """Return the channel of each speaker tier; a layer has that of the tier before."""
    tiers = sum(layer == 1 for layer in layers)
    if tiers >= 2:
        try:
            if sound_info(sound).channels == 2:
                firsts = accumulate(layer == 1 for layer in layers)
                return [int(number - 1 >= tiers / 2) for number in firsts]
        except InputError:
            pass  # whoever reads the sound reports it
    return [None] * len(layers)
