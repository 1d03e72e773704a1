"""Material: the utterances that a model is trained on, their features in a file."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np

from speechalign import __version__
from speechalign.alignment import Alignment
from speechalign.corpus import Utterance
from speechalign.errors import InputError, SpeechAlignError
from speechalign.files.writing import replacing
from speechalign.frames import FrameGrid
from speechalign.kernels.gaussian_mixture import DIMS, STATES
from speechalign.models.folders import check_replaceable
from speechalign.models.hmm_gmm.sphinx_features import (
    SAMPLE_RATE,
    STRIDE,
    raw_cepstra,
    sphinx_cepstra,
)
from speechalign.models.speakers import CepstralMoments
from speechalign.pronunciation.lexicon import Lexicon, Variants
from speechalign.training.known_times import KnownWord, known_words

# Frames whose statistics are summed by themselves, in whichever thread; then in order.
_CHUNK = 12_000
# Seconds; the memory of a search grows with the square of the length, to 400 MB for this.
LONGEST = 120.0
# With fewer utterances, most phones are heard too rarely to be known.
FEW = 20
_CEPSTRA, _INDEX = "cepstra.f32", "material.jsonl"
_FRAME_BYTES = 4 * DIMS
_GRID = FrameGrid(SAMPLE_RATE, STRIDE)

_Row = dict[str, int | float | str]
_Task = TypeVar("_Task")
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Spoken:
    """One utterance of the material.

    Parameters
    ----------
    id : str
        As the corpus has it.
    speaker : str
        As the corpus has it; empty where it does not say.
    words : tuple[Variants, ...]
        For each spoken word, its pronunciations.
    begin, frames : int
        Where its frames lie in the file, and how many.
    signal_to_noise : float
        Power of the louder over that of the softer frames (90th and 10th percentile), dB.
    known : tuple[KnownWord, ...] or None
        Where each spoken word was corrected to be; None where nobody did.
    """

    id: str
    speaker: str
    words: tuple[Variants, ...]
    begin: int
    frames: int
    signal_to_noise: float
    known: tuple[KnownWord, ...] | None = None


@dataclass(frozen=True)
class Material:
    """Training data of a model.

    Parameters
    ----------
    spoken : tuple[Spoken, ...]
        The usable utterances, as they lie in the file one after another.
    left_out : tuple[tuple[str, str], ...]
        Id of every other utterance, and why it cannot be used.
    path : Path
        File of their cepstra, (frames, 13) float32.
    fingerprint : str
        Hash of audio files, transcripts and pronunciations.
    moments : Mapping[str, CepstralMoments]
        Of speakers, or of utterances without a speaker by their id, where the file has raw cepstra
        that are to be normalised by them; empty where it has those that are.
    """

    spoken: tuple[Spoken, ...]
    left_out: tuple[tuple[str, str], ...]
    path: Path
    fingerprint: str
    moments: Mapping[str, CepstralMoments] = field(default_factory=dict)

    @property
    def frames(self) -> int:
        """Number of frames."""
        return sum(utterance.frames for utterance in self.spoken)

    def chunks(self, chosen: Sequence[Spoken]) -> list[tuple[Spoken, ...]]:
        """Cut utterances into runs of roughly equal size, the same for every number of threads."""
        found: list[list[Spoken]] = []
        size = _CHUNK
        for utterance in chosen:
            if size >= _CHUNK:
                found.append([])
                size = 0
            found[-1].append(utterance)
            size += utterance.frames
        return [tuple(chunk) for chunk in found]

    def cepstra(self, utterance: Spoken) -> np.ndarray:
        """Read the (T, 13) cepstra of an utterance, normalised: float32 or float64."""
        found = _stored(self.path, utterance)
        return self.moments[_who(utterance)].normalise(found) if self.moments else found


def _stored(path: Path, utterance: Spoken) -> np.ndarray:
    """Read the (T, 13) float32 cepstra of an utterance as they are in the file."""
    count, offset = DIMS * utterance.frames, _FRAME_BYTES * utterance.begin
    found = np.fromfile(path, np.float32, count, offset=offset)
    if len(found) < count:
        raise InputError(f"{path}: cut off; remove its folder and start again")
    return found.reshape(-1, DIMS)


def _who(utterance: Spoken) -> str:
    """Return whose voice it is; where that is not known, each utterance has its own."""
    return f"speaker {utterance.speaker}" if utterance.speaker else f"utterance {utterance.id}"


def _moments(path: Path, spoken: Sequence[Spoken]) -> dict[str, CepstralMoments]:
    """Add up what each speaker says."""
    found: dict[str, CepstralMoments] = {}
    for utterance in spoken:
        who, own = _who(utterance), CepstralMoments.of(_stored(path, utterance))
        found[who] = found[who] + own if who in found else own
    return found


@contextmanager
def work_folder(model: Path) -> Iterator[Path]:
    """Give the folder beside a model where features and checkpoints lie until the model is saved.

    Parameters
    ----------
    model : Path
        Folder of the model that is to be made.

    Raises
    ------
    InputError
        The folder of the model holds something else.
    OSError
        The disk is full, or may not be written to; it names the folder. What is done is kept.
    """
    check_replaceable(model)
    folder = model.absolute().with_name(f"{model.absolute().name}.work")
    try:
        yield folder
        shutil.rmtree(folder)
    except OSError as error:
        # Writing to an open file does not say which.
        name = error.filename or str(folder)
        raise OSError(error.errno, error.strerror, name) from None


def in_order(
    function: Callable[[_Task], _Result], tasks: Iterable[_Task], jobs: int
) -> Iterator[_Result]:
    """Yield the results of tasks in their order, made by threads, only few of them ahead."""
    waiting: deque[Future[_Result]] = deque()
    with ThreadPoolExecutor(jobs) as pool:
        try:
            for task in tasks:
                waiting.append(pool.submit(function, task))
                if len(waiting) > 2 * jobs:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def prepare(
    utterances: Sequence[Utterance],
    lexicon: Lexicon,
    folder: Path,
    *,
    by_speaker: bool = False,
    corrections: Mapping[str, Alignment] | None = None,
    jobs: int,
    progress: Callable[[int, int], object],
) -> Material:
    """Compute the features of a corpus, or take those that an earlier run left.

    Parameters
    ----------
    utterances : Sequence[Utterance]
        What `speechalign.corpus.read_corpus` returns.
    lexicon : Lexicon
        Pronounces their words.
    folder : Path
        Where the file of features goes.
    by_speaker : bool
        Whether to normalise by speaker, as `HmmGmm` has it.
    corrections : Mapping[str, Alignment] or None
        Tiers of utterances whose times are known, by their id, as `train` takes them.
    jobs : int
        Threads; the file does not depend on it.
    progress : callable
        Told after each utterance how many of how many are done.

    Returns
    -------
    Material
        What can be used; and what is left out, by name.

    Raises
    ------
    OSError
        The folder cannot be written to.
    """
    words = [_pronounced(utterance, lexicon) for utterance in utterances]
    known = _known(utterances, lexicon, corrections or {})
    path, index = folder / _CEPSTRA, folder / _INDEX
    fingerprint = _fingerprint(utterances, words, by_speaker, known)
    rows = _earlier(index, path, fingerprint)
    if rows is None:
        folder.mkdir(parents=True, exist_ok=True)
        rows = []
        with path.open("wb") as sink:
            front_end = raw_cepstra if by_speaker else sphinx_cepstra
            pairs = zip(utterances, words)
            found = in_order(lambda pair: _measure(*pair, front_end), pairs, jobs)
            for done, (row, cepstra) in enumerate(found, 1):
                rows.append(row)
                sink.write(cepstra.tobytes())
                progress(done, len(utterances))
        with replacing(index) as text:
            for line in ({"fingerprint": fingerprint}, *rows):
                text.write(json.dumps(line) + "\n")
    spoken: list[Spoken] = []
    left_out: list[tuple[str, str]] = []
    begin = 0
    for utterance, said, row in zip(utterances, words, rows):
        if "problem" in row or isinstance(said, str):
            left_out.append((utterance.id, str(row["problem"])))
            continue
        frames, ratio = int(row["frames"]), float(row["signal_to_noise"])
        speaker, times = utterance.speaker or "", known.get(utterance.id)
        spoken.append(Spoken(utterance.id, speaker, said, begin, frames, ratio, times))
        begin += frames
    moments = _moments(path, spoken) if by_speaker else {}
    return Material(tuple(spoken), tuple(left_out), path, fingerprint, moments)


def check_usable(material: Material, warn: Callable[[str], object]) -> None:
    """Tell what is left out, and whether little is left.

    Raises
    ------
    InputError
        Nothing is left.
    """
    for utterance, reason in material.left_out:
        warn(f"left out: {utterance}: {reason}")
    if not material.spoken:
        raise InputError("corpus: no utterance can be used to train on; see the reasons above")
    if len(material.spoken) < FEW:
        warn(
            f"utterances to train on: {len(material.spoken)}; with fewer than {FEW}, expect poor "
            "boundaries, and try `speechalign adapt`"
        )


def _pronounced(utterance: Utterance, lexicon: Lexicon) -> tuple[Variants, ...] | str:
    """Return the pronunciations of the spoken words, or why the utterance cannot be used."""
    if utterance.problem is not None:
        return utterance.problem
    try:
        words = lexicon.words(utterance.text)
    except SpeechAlignError as error:
        return str(error)
    return tuple(variants for word in words for variants in word.variants)


def _known(
    utterances: Sequence[Utterance], lexicon: Lexicon, corrections: Mapping[str, Alignment]
) -> dict[str, tuple[KnownWord, ...]]:
    """Return where the words of corrected utterances are, by id; InputError where they differ."""
    found = {}
    for utterance in utterances:
        corrected = corrections.get(utterance.id)
        if corrected is None or utterance.problem is not None:
            continue
        try:
            words = lexicon.words(utterance.text)
            found[utterance.id] = known_words(words, corrected, utterance.start, _GRID)
        except SpeechAlignError as error:
            raise InputError(f"{utterance.id}: {error}") from None
    return found


def _measure(
    utterance: Utterance,
    words: tuple[Variants, ...] | str,
    front_end: Callable[[np.ndarray], np.ndarray],
) -> tuple[_Row, np.ndarray]:
    """Return what the index says of an utterance, and its (T, 13) cepstra."""
    nothing = np.zeros((0, DIMS), np.float32)
    if isinstance(words, str):
        return {"problem": words}, nothing
    try:
        waveform = utterance.waveform(SAMPLE_RATE)
    except SpeechAlignError as error:
        return {"problem": str(error)}, nothing
    if waveform.duration > LONGEST:
        problem = (
            f"it lasts {waveform.duration:.0f} s; to train on, cut it into utterances of at most "
            f"{LONGEST:.0f} s, with a TextGrid or a manifest"
        )
        return {"problem": problem}, nothing
    cepstra = front_end(waveform.samples).astype(np.float32)
    needed = STATES * sum(min(map(len, variants)) for variants in words)
    if len(cepstra) < needed:
        problem = (
            f"its phones need at least {needed} frames of 10 ms, the audio has {len(cepstra)}; "
            "check that they belong together"
        )
        return {"problem": problem}, nothing
    row: _Row = {
        "frames": len(cepstra),
        "signal_to_noise": _signal_to_noise(waveform.samples),
    }
    return row, cepstra


def _signal_to_noise(samples: np.ndarray) -> float:
    """Return 10 log10 of the 90th over the 10th percentile of the power of 10 ms, at most 99."""
    power = np.add.reduceat(samples.astype(np.float64) ** 2, np.arange(0, len(samples), 160))
    low, high = np.percentile(power, (10, 90))
    return float(min(99.0, 10 * np.log10(high / low))) if low > 0 and high > 0 else 99.0


def _fingerprint(
    utterances: Sequence[Utterance],
    words: Sequence[tuple[Variants, ...] | str],
    by_speaker: bool,
    known: Mapping[str, tuple[KnownWord, ...]],
) -> str:
    """Hash what the features, and what is trained on them, depend on."""
    digest = hashlib.sha256(f"{__version__} {by_speaker}\n".encode())
    for utterance, said in zip(utterances, words):
        try:
            status = os.stat(utterance.audio)
            file = f"{status.st_size} {status.st_mtime_ns}"
        except OSError:
            file = "missing"
        times = known.get(utterance.id, "")
        digest.update(
            f"{utterance!r} {said!r} {file} {times!r}\n".encode("utf-8", "backslashreplace")
        )
    return digest.hexdigest()


def _earlier(index: Path, path: Path, fingerprint: str) -> list[_Row] | None:
    """Return what an earlier run noted of the same utterances; None if it did not finish."""
    try:
        first, *rows = [json.loads(line) for line in index.read_text("utf-8").splitlines()]
        size = path.stat().st_size
    except (OSError, ValueError):
        return None
    frames = sum(row.get("frames", 0) for row in rows)
    if first != {"fingerprint": fingerprint} or size != _FRAME_BYTES * frames:
        return None
    return rows
